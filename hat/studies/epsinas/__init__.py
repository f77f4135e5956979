"""The score without training, epsinas, on recurrent cells, CNN cells and SubTransformers."""
