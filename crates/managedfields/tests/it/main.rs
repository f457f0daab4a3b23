//! Replays request sequences that were recorded against a real kube-apiserver (`corpus/record.py`).

#[cfg(test)]
mod creations;
#[cfg(test)]
mod replay;
