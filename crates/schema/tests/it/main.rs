//! Compares with what a real kube-apiserver answered (`corpus/record.py`).

#[cfg(test)]
mod creations;
#[cfg(test)]
mod custom;
