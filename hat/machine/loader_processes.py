"""The processes that read a training's batches, ended when the training is over."""

import gc

from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter


def end_loader_processes() -> None:
    """Ends the processes of every ``DataLoader`` that was not read to its end.

    A training that stops within an epoch leaves such iterators: fairseq holds them in circles, and
    in threads that wait. What the garbage collector does to a circle comes too late: it first ends
    the thread that would tell the process, so that each is waited for until torch's five seconds
    are over. A waiting thread is not garbage at all.
    """
    for each in gc.get_objects():
        if type(each) is _MultiProcessingDataLoaderIter:
            each._shutdown_workers()
