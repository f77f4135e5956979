# Two commands do everything: `make demo` and `make test`. Both set up .venv first.

PYTHON3 ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHON := $(CURDIR)/$(BIN)/python
DATA ?= ../shared/data
# Where Multi30k's pipeline left its SuperTransformer and latency predictor, for bench-search.
SUPERNET ?= runs/multi30k.en-de
# What bench-search collects of it in minutes, to see how often racing changes a choice.
LOSSES ?= runs/bench-search/losses.npz


.PHONY: demo test test-isa test-slow check format setup docs bench bench-latency bench-search bench-epsinas bench-predictor bench-training bench-training-gpu bench-memory bench-generation bench-engines bench-ground-truth clean

demo: setup
	$(BIN)/hat pipeline configs/numbers.en-fr/pipeline.yml

test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 -m "not slow"
	$(MAKE) test-isa

# What is computed must be right on other processors, too: the tests of numbers once more with a
# smaller set of instructions, which every library that multiplies matrices is told separately.
# `default` is torch without any vectors: make test-slow.
ISA ?= avx2
CUT_LIBRARIES := ONEDNN_MAX_CPU_ISA=AVX2 FBGEMM_ENABLE_INSTRUCTIONS=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2 \
	CT2_FORCE_CPU_ISA=AVX2

test-isa: setup
	for isa in $(ISA); do \
		echo "== ATEN_CPU_CAPABILITY=$$isa $(CUT_LIBRARIES)"; \
		ATEN_CPU_CAPABILITY=$$isa $(CUT_LIBRARIES) OMP_NUM_THREADS=1 \
			$(BIN)/python -m pytest -q -n 2 -m "numbers and not slow" || exit 1; \
	done

test-slow: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2
	$(MAKE) test-isa ISA=default

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) test

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The manual, in build/docs. A broken link stops the build.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo build/docs/index.html

$(VENV)/.docs: requirements-docs.txt $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --no-deps -r requirements-docs.txt
	touch $@

setup: $(VENV)/.ready

# The order matters: torch and the build tools first, then what is compiled against them without
# build isolation (which would fetch a second torch), then the wheels.
$(VENV)/.ready: requirements.txt requirements-build.txt setup.py hat/commands/build_fairseq.py
	$(PYTHON3) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements-build.txt
	rm -rf $(VENV)/wheels
	$(BIN)/python -m hat.cli build-fairseq $(VENV)/wheels
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation fastBPE==0.1.0 $(VENV)/wheels/*.whl
	$(BIN)/python -m pip install --quiet --no-deps -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

bench: bench-training bench-memory bench-generation bench-engines bench-latency bench-search bench-epsinas bench-predictor

bench-latency: setup
	$(BIN)/hat latency bench $(wildcard $(DATA)/hat/latency/*.csv)
	OMP_NUM_THREADS=1 $(BIN)/python bench/latency_prior.py $(DATA)/hat/latency

bench-search: setup
	$(BIN)/python bench/search_core.py
	$(BIN)/python bench/search_speed.py --restore-file $(SUPERNET)/supertransformer_cpu/checkpoint_best.pt \
		--ckpt-path $(SUPERNET)/predictor_cpu.pt
	test -e $(LOSSES) || $(BIN)/python bench/search_racing.py collect $(LOSSES) \
		--restore-file $(SUPERNET)/supertransformer_cpu/checkpoint_best.pt
	$(BIN)/python bench/search_racing.py races $(LOSSES)
	$(BIN)/python bench/search_racing.py searches $(LOSSES)

bench-epsinas: setup
	OMP_NUM_THREADS=1 $(BIN)/python bench/epsinas.py \
		--recipes $(DATA)/nasbench_nlp/recepie_loss_pairs.json \
		--nb201 $(DATA)/nasbench201/nasbench201.csv.gz
	OMP_NUM_THREADS=1 $(BIN)/python bench/epsinas_mixtures.py --data $(DATA)

bench-predictor: setup
	OMP_NUM_THREADS=1 $(BIN)/python bench/predictor.py --data $(DATA) --out runs/bench-predictor

# Training as a whole, then its parts: the networks beside fairseq's own, attention's kernels.
# BEFORE=REVISION makes an older tree another contender.
bench-training: setup
	OMP_NUM_THREADS=1 $(BIN)/python bench/training.py $(if $(BEFORE),--before $(BEFORE))
	OMP_NUM_THREADS=1 $(BIN)/python bench/super_transformer.py
	OMP_NUM_THREADS=1 $(BIN)/python bench/attention_backend.py
	$(BIN)/python bench/growth.py --out docs/results/growth.png

# The same beside fairseq's own on a GPU.
bench-training-gpu: setup
	$(BIN)/python bench/training_gpu.py

# Resident memory over 2,000 updates.
bench-memory: setup
	$(BIN)/python bench/memory.py --out docs/results/memory.png

# Beam search beside fairseq's and CTranslate2's.
bench-generation: setup
	OMP_NUM_THREADS=1 $(BIN)/python bench/generation.py

# Random architectures in every engine, then a search for each engine and its winners in all of them.
# Goes on where it was cut off. Half an hour, then about an hour.
ENGINE_ROWS ?= runs/bench-engines/rows.csv
bench-engines: setup
	OMP_NUM_THREADS=1 $(BIN)/python bench/int8_products.py
	OMP_NUM_THREADS=1 $(BIN)/python bench/engines.py measure $(ENGINE_ROWS)
	$(BIN)/python bench/engines.py report $(ENGINE_ROWS)
	OMP_NUM_THREADS=1 $(BIN)/python bench/engine_searches.py $(ENGINE_ROWS)

# Trains many architectures from scratch: hours of a core, but it goes on where it was stopped. Then
# the free scores and successive halving are judged by what is there. TRUTH=multi30k: real text.
TRUTH ?= conlang
bench-ground-truth: setup
	OMP_NUM_THREADS=1 $(BIN)/python bench/ground_truth.py $(TRUTH)
	OMP_NUM_THREADS=1 $(BIN)/python bench/ranking.py $(TRUTH) --page docs/results/ranking.md

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
