//! Each function beside the slices' own, at every length up to several blocks and all alignments that matter.

use std::cmp::Ordering;

use crate::{bcmp, memcmp, memcpy, memmove, memset};

/// Lengths with every case of the short ones, and some around the limits of the long ones.
fn lengths() -> impl Iterator<Item = usize> {
    (0..=300).chain([1023, 1024, 2047, 2048, 2049, 5000])
}

fn bytes(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 + seed * 7 + 1) as u8).collect()
}

#[test]
fn copies() {
    for length in lengths() {
        for (from, to) in [(0, 0), (1, 0), (0, 3), (5, 9), (15, 1)] {
            let source = bytes(from + length + 16, 1);
            let mut target = bytes(to + length + 16, 2);
            let mut expected = target.clone();
            expected[to..to + length].copy_from_slice(&source[from..from + length]);
            // SAFETY: both vectors are longer.
            let returned = unsafe { memcpy(target.as_mut_ptr().add(to), source.as_ptr().add(from), length) };
            assert_eq!(returned, target[to..].as_mut_ptr());
            assert_eq!(target, expected, "{length} bytes from {from} to {to}");
        }
    }
}

#[test]
fn moves_what_overlaps() {
    for length in lengths() {
        for (from, to) in [
            (0, 0),
            (0, 1),
            (1, 0),
            (7, 40),
            (40, 7),
            (0, 64),
            (64, 0),
            (3, 130),
            (130, 3),
        ] {
            let mut memory = bytes(from.max(to) + length, 3);
            let mut expected = memory.clone();
            expected.copy_within(from..from + length, to);
            let start = memory.as_mut_ptr();
            // SAFETY: the vector holds both ranges.
            let returned = unsafe { memmove(start.add(to), start.add(from), length) };
            assert_eq!(returned, memory[to..].as_mut_ptr());
            assert_eq!(memory, expected, "{length} bytes from {from} to {to}");
        }
    }
}

#[test]
fn fills() {
    for length in lengths() {
        for start in [0, 1, 8, 13] {
            let mut memory = bytes(start + length + 16, 4);
            let mut expected = memory.clone();
            expected[start..start + length].fill(0xa5);
            // SAFETY: the vector is longer. Only the low byte counts.
            let returned = unsafe { memset(memory.as_mut_ptr().add(start), -0x5b, length) };
            assert_eq!(returned, memory[start..].as_mut_ptr());
            assert_eq!(memory, expected, "{length} bytes at {start}");
        }
    }
}

fn compare(left: &[u8], right: &[u8]) -> (Ordering, bool) {
    // SAFETY: both are that long.
    unsafe {
        (
            memcmp(left.as_ptr(), right.as_ptr(), left.len()).cmp(&0),
            bcmp(left.as_ptr(), right.as_ptr(), left.len()) == 0,
        )
    }
}

#[test]
fn compares() {
    for length in lengths() {
        let left = bytes(length + 1, 5);
        let left = &left[1..];
        let mut right = left.to_vec();
        assert_eq!(compare(left, &right), (Ordering::Equal, true), "{length} bytes");
        for at in 0..length {
            for other in [left[at].wrapping_add(1), left[at] ^ 0x80] {
                right[at] = other;
                // What comes later does not count.
                if let Some(later) = right.get_mut(at + 1) {
                    *later = !*later;
                }
                assert_eq!(
                    compare(left, &right),
                    (left.cmp(&right), false),
                    "{length} bytes, byte {at}"
                );
                right.copy_from_slice(left);
            }
        }
    }
}
