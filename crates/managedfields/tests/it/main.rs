//! Replays request sequences that were recorded against a real kube-apiserver (`corpus/record.py`).

mod replay;
