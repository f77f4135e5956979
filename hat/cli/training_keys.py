"""Names of the options that training knows; ``tools/list_training_keys.py`` writes them."""

_NAMES = """
    activation-dropout activation-fn adam-betas adam-eps adaptive-softmax-cutoff
    adaptive-softmax-dropout aim-repo aim-run-hash all-gather-list-size amp amp-batch-retries
    amp-init-scale amp-scale-window arch attention-dropout azureml-logging batch-size
    batch-size-valid best-checkpoint-metric bf16 bpe broadcast-buffers bucket-cap-mb
    checkpoint-shard-count checkpoint-suffix clip-norm combine-val combine-valid-subsets
    continue-once cpu cpu-offload criterion curriculum data data-buffer-size dataset-impl
    ddp-backend ddp-comm-hook debug-param-names decoder-arbitrary-ende-attn-all-subtransformer
    decoder-arbitrary-ende-attn-choice decoder-attention-heads decoder-embed-choice
    decoder-embed-dim decoder-embed-dim-subtransformer decoder-embed-path
    decoder-ende-attention-heads-all-subtransformer decoder-ende-attention-heads-choice
    decoder-ffn-embed-dim decoder-ffn-embed-dim-all-subtransformer decoder-ffn-embed-dim-choice
    decoder-layer-num-choice decoder-layer-num-subtransformer decoder-layers decoder-learned-pos
    decoder-normalize-before decoder-self-attention-heads-all-subtransformer
    decoder-self-attention-heads-choice device-id disable-validation distill-alpha-max
    distill-alpha-min distill-clip distill-divergence distill-weight distributed-backend
    distributed-init-method distributed-no-spawn distributed-num-procs distributed-port
    distributed-rank distributed-world-size dropout ema-decay ema-fp32 ema-seed-model
    ema-start-update ema-update-freq empty-cache-freq encoder-attention-heads encoder-embed-choice
    encoder-embed-dim encoder-embed-dim-subtransformer encoder-embed-path encoder-ffn-embed-dim
    encoder-ffn-embed-dim-all-subtransformer encoder-ffn-embed-dim-choice encoder-layer-num-choice
    encoder-layer-num-subtransformer encoder-layers encoder-learned-pos encoder-normalize-before
    encoder-self-attention-heads-all-subtransformer encoder-self-attention-heads-choice
    end-learning-rate eos eval-bleu eval-bleu-args eval-bleu-detok eval-bleu-detok-args
    eval-bleu-print-samples eval-bleu-remove-bpe eval-tokenized-bleu fast-stat-sync
    find-unused-parameters finetune-from-model fix-batches-to-gpus fixed-validation-seed
    force-anneal fp16 fp16-adam-stats fp16-init-scale fp16-no-flatten-grads fp16-scale-tolerance
    fp16-scale-window fp32-reduce-scatter gen-subset get-attn gradient-as-bucket-view
    grouped-shuffling heartbeat-timeout ignore-prefix-size ignore-unused-valid-subsets
    init-from-supernet keep-best-checkpoints keep-interval-updates keep-interval-updates-pattern
    keep-last-epochs label-smoothing left-pad-source left-pad-target load-alignments
    load-checkpoint-on-all-dp-ranks local-rank localsgd-frequency log-file log-format log-interval
    lr lr-period-updates lr-scheduler lr-shrink max-epoch max-lr max-sentences max-sentences-valid
    max-source-positions max-target-positions max-tokens max-tokens-valid max-update
    max-valid-steps maximize-best-checkpoint-metric memory-efficient-bf16 memory-efficient-fp16
    min-loss-scale min-lr model-parallel-size no-decoder-final-norm no-epoch-checkpoints
    no-last-checkpoints no-progress-bar no-reshard-after-forward no-save no-save-optimizer-state
    no-token-positional-embeddings not-fsdp-flatten-parameters nprocs-per-node num-batch-buckets
    num-shards num-workers nval on-cpu-convert-precision optimizer optimizer-overrides pad patience
    pipeline-balance pipeline-checkpoint pipeline-chunks pipeline-decoder-balance
    pipeline-decoder-devices pipeline-devices pipeline-encoder-balance pipeline-encoder-devices
    pipeline-model-parallel plasma-path power profile qkv-dim quantization-config-path relu-dropout
    report-accuracy required-batch-size-multiple required-seq-len-multiple reset-dataloader
    reset-logging reset-lr-scheduler reset-meters reset-optimizer restore-file sampling-strategy
    sandwich-random save-async save-dir save-interval save-interval-updates scoring seed
    sentence-avg shard-id share-all-embeddings share-decoder-input-output-embed
    skip-invalid-size-inputs-valid-test skip-remainder-batch slowmo-base-algorithm slowmo-momentum
    source-lang stop-min-lr stop-time-hours store-ema suppress-crashes t-mult target-lang task
    tensorboard-logdir threshold-loss-scale tokenizer total-num-update tpu train-subset
    train-subtransformer truncate-source unk update-epoch-batch-itr update-freq
    update-ordered-indices-seed upsample-primary use-bmuf use-old-adam use-plasma-view
    use-sharded-state user-dir valid-subset validate-after-updates validate-ema validate-interval
    validate-interval-updates vocab-original-scaling wandb-project warmup-init-lr warmup-updates
    weight-decay widen-at write-checkpoints-asynchronously zero-sharding
"""

TRAINING_KEYS = frozenset(_NAMES.split())
"""Keys of YAML files that stages other than training may meet and leave alone."""
