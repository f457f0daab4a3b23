//! With the registers of 16 bytes that each such processor has.
//!
//! What is short is read whole before anything is written, with two accesses that may overlap; so one function serves `memcpy` and
//! `memmove`.

use std::arch::asm;
use std::arch::x86_64::{
    __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi8, _mm_storeu_si128,
};

/// From here on `rep movs` and `rep stos` are faster than a loop, on processors of the last ten years.
const LONG: usize = 2048;

/// Bytes of a register.
const WIDTH: usize = 16;

/// Bytes that a loop handles at once.
const BLOCK: usize = 4 * WIDTH;

/// What a compare of two registers gives where all bytes are equal.
const ALL_EQUAL: u32 = 0xffff;

/// Reads a value from any address.
///
/// # Safety
///
/// The bytes of a `T` must be readable there.
#[inline]
unsafe fn read<T: Copy>(from: *const u8) -> T {
    // SAFETY: the caller's.
    unsafe { from.cast::<T>().read_unaligned() }
}

/// Writes a value to any address.
///
/// # Safety
///
/// The bytes of a `T` must be writable there.
#[inline]
unsafe fn write<T: Copy>(to: *mut u8, value: T) {
    // SAFETY: the caller's.
    unsafe { to.cast::<T>().write_unaligned(value) }
}

/// Reads a register from any address.
///
/// # Safety
///
/// 16 bytes must be readable there.
#[inline]
unsafe fn load(from: *const u8) -> __m128i {
    // SAFETY: the caller's.
    unsafe { _mm_loadu_si128(from.cast()) }
}

/// Writes a register to any address.
///
/// # Safety
///
/// 16 bytes must be writable there.
#[inline]
unsafe fn store(to: *mut u8, value: __m128i) {
    // SAFETY: the caller's.
    unsafe { _mm_storeu_si128(to.cast(), value) }
}

/// Reads 64 bytes.
///
/// # Safety
///
/// They must be readable.
#[inline]
unsafe fn load_block(from: *const u8) -> [__m128i; 4] {
    // SAFETY: the caller's.
    unsafe {
        [
            load(from),
            load(from.add(WIDTH)),
            load(from.add(2 * WIDTH)),
            load(from.add(3 * WIDTH)),
        ]
    }
}

/// Writes 64 bytes.
///
/// # Safety
///
/// They must be writable.
#[inline]
unsafe fn store_block(to: *mut u8, block: [__m128i; 4]) {
    // SAFETY: the caller's.
    unsafe {
        store(to, block[0]);
        store(to.add(WIDTH), block[1]);
        store(to.add(2 * WIDTH), block[2]);
        store(to.add(3 * WIDTH), block[3]);
    }
}

/// Copies as a value at the beginning and one at the end, which may overlap.
///
/// # Safety
///
/// `length` must be one to two times the size of a `T`; that many bytes must be readable and writable.
#[inline]
unsafe fn copy_ends<T: Copy>(to: *mut u8, from: *const u8, length: usize) {
    let last = length - size_of::<T>();
    // SAFETY: the caller's; both values are read before one is written.
    unsafe {
        let (first, second): (T, T) = (read(from), read(from.add(last)));
        write(to, first);
        write(to.add(last), second);
    }
}

/// Copies up to 128 bytes, which may overlap.
///
/// # Safety
///
/// `length` bytes must be readable and writable.
#[inline]
unsafe fn copy_short(to: *mut u8, from: *const u8, length: usize) {
    // SAFETY: the caller's; all is read before anything is written, and the cases keep to `copy_ends`' bounds.
    unsafe {
        match length {
            0 => {}
            1 => write(to, read::<u8>(from)),
            2..=3 => copy_ends::<u16>(to, from, length),
            4..=7 => copy_ends::<u32>(to, from, length),
            8..=16 => copy_ends::<u64>(to, from, length),
            17..=32 => {
                let (first, last) = (load(from), load(from.add(length - WIDTH)));
                store(to, first);
                store(to.add(length - WIDTH), last);
            }
            33..=BLOCK => {
                let (first, second) = (load(from), load(from.add(WIDTH)));
                let end = from.add(length);
                let (third, last) = (load(end.sub(2 * WIDTH)), load(end.sub(WIDTH)));
                store(to, first);
                store(to.add(WIDTH), second);
                let end = to.add(length);
                store(end.sub(2 * WIDTH), third);
                store(end.sub(WIDTH), last);
            }
            _ => {
                let (first, last) = (load_block(from), load_block(from.add(length - BLOCK)));
                store_block(to, first);
                store_block(to.add(length - BLOCK), last);
            }
        }
    }
}

/// Copies more than 64 bytes from the first to the last; `to` may overlap what comes after it, not what comes before.
///
/// # Safety
///
/// `length` bytes must be readable and writable.
#[inline]
unsafe fn copy_up(to: *mut u8, from: *const u8, length: usize) {
    // SAFETY: the caller's. The last block is read before the loop writes over it.
    unsafe {
        let last = load_block(from.add(length - BLOCK));
        let mut at = 0;
        while at < length - BLOCK {
            store_block(to.add(at), load_block(from.add(at)));
            at += BLOCK;
        }
        store_block(to.add(length - BLOCK), last);
    }
}

/// Copies more than 64 bytes from the last to the first; `to` may overlap what comes before it, not what comes after.
///
/// # Safety
///
/// `length` bytes must be readable and writable.
unsafe fn copy_down(to: *mut u8, from: *const u8, length: usize) {
    // SAFETY: the caller's. The first block is read before the loop writes over it.
    unsafe {
        let first = load_block(from);
        let mut at = length;
        while at > BLOCK {
            at -= BLOCK;
            store_block(to.add(at), load_block(from.add(at)));
        }
        store_block(to, first);
    }
}

/// Copies `length` bytes that do not overlap, and returns `to`.
///
/// # Safety
///
/// `from` must be readable and `to` writable for `length` bytes.
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
pub unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    // SAFETY: the caller's.
    unsafe {
        if length <= 2 * BLOCK {
            copy_short(to, from, length);
        } else if length < LONG {
            copy_up(to, from, length);
        } else {
            asm!(
                "rep movsb",
                inout("rcx") length => _,
                inout("rdi") to => _,
                inout("rsi") from => _,
                options(nostack, preserves_flags)
            );
        }
    }
    to
}

/// Copies `length` bytes that may overlap, and returns `to`.
///
/// # Safety
///
/// `from` must be readable and `to` writable for `length` bytes.
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
pub unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    // SAFETY: the caller's.
    unsafe {
        if length <= 2 * BLOCK {
            copy_short(to, from, length);
        } else if to.addr().wrapping_sub(from.addr()) >= length {
            copy_up(to, from, length);
        } else {
            copy_down(to, from, length);
        }
    }
    to
}

/// Writes the low byte of `value` `length` times, and returns `to`.
///
/// # Safety
///
/// `to` must be writable for `length` bytes.
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
pub unsafe extern "C" fn memset(to: *mut u8, value: i32, length: usize) -> *mut u8 {
    let byte = value as u8;
    let word = u64::from(byte) * 0x0101_0101_0101_0101;
    // SAFETY: the caller's; values at the beginning and at the end may overlap.
    unsafe {
        match length {
            0 => {}
            1 => write(to, byte),
            2..=3 => {
                write(to, word as u16);
                write(to.add(length - 2), word as u16);
            }
            4..=7 => {
                write(to, word as u32);
                write(to.add(length - 4), word as u32);
            }
            8..=16 => {
                write(to, word);
                write(to.add(length - 8), word);
            }
            _ if length < LONG => {
                let register = _mm_set1_epi8(byte as i8);
                let mut at = 0;
                while at < length - WIDTH {
                    store(to.add(at), register);
                    at += WIDTH;
                }
                store(to.add(length - WIDTH), register);
            }
            _ => asm!(
                "rep stosb",
                inout("rcx") length => _,
                inout("rdi") to => _,
                in("al") byte,
                options(nostack, preserves_flags)
            ),
        }
    }
    to
}

/// Which bytes of two registers differ, the first one in the lowest bit.
///
/// # Safety
///
/// 16 bytes must be readable at both addresses.
#[inline]
unsafe fn differences(left: *const u8, right: *const u8) -> u32 {
    // SAFETY: the caller's.
    let equal = unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(load(left), load(right))) };
    equal as u32 ^ ALL_EQUAL
}

/// Tells whether a value at the beginning or one at the end differs, which may overlap.
///
/// # Safety
///
/// `length` must be one to two times the size of a `T`; that many bytes must be readable at both addresses.
#[inline]
unsafe fn ends_differ<T: Copy + Into<u64>>(left: *const u8, right: *const u8, length: usize) -> bool {
    let last = length - size_of::<T>();
    // SAFETY: the caller's.
    unsafe {
        let first: u64 = read::<T>(left).into() ^ read::<T>(right).into();
        let second: u64 = read::<T>(left.add(last)).into() ^ read::<T>(right.add(last)).into();
        first | second != 0
    }
}

/// Returns zero where `length` bytes are equal.
///
/// # Safety
///
/// Both must be readable for `length` bytes.
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
pub unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    // SAFETY: the caller's; values at the beginning and at the end may overlap.
    unsafe {
        match length {
            0 => 0,
            1 => i32::from(*left != *right),
            2..=3 => i32::from(ends_differ::<u16>(left, right, length)),
            4..=7 => i32::from(ends_differ::<u32>(left, right, length)),
            8..=16 => i32::from(ends_differ::<u64>(left, right, length)),
            _ => {
                let mut at = 0;
                while at < length - WIDTH {
                    if differences(left.add(at), right.add(at)) != 0 {
                        return 1;
                    }
                    at += WIDTH;
                }
                let last = length - WIDTH;
                differences(left.add(last), right.add(last)) as i32
            }
        }
    }
}

/// Tells which of two values in memory is greater by their first different byte.
#[inline]
fn order(left: u64, right: u64) -> i32 {
    let (left, right) = (left.swap_bytes(), right.swap_bytes());
    i32::from(left > right) - i32::from(left < right)
}

/// Tells which is greater by a value at the beginning, or else by one at the end, which may overlap: what they have in common is
/// known to be equal then.
///
/// # Safety
///
/// `length` must be one to two times the size of a `T`; that many bytes must be readable at both addresses.
#[inline]
unsafe fn order_of_ends<T: Copy + Into<u64>>(left: *const u8, right: *const u8, length: usize) -> i32 {
    let last = length - size_of::<T>();
    // SAFETY: the caller's.
    unsafe {
        match order(read::<T>(left).into(), read::<T>(right).into()) {
            0 => order(
                read::<T>(left.add(last)).into(),
                read::<T>(right.add(last)).into(),
            ),
            known => known,
        }
    }
}

/// Returns less than, zero or more than zero as the first different byte is smaller on the left, there is none, or it is greater.
///
/// # Safety
///
/// Both must be readable for `length` bytes.
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
pub unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
    // SAFETY: the caller's; what the last value has in common with the one before it is known to be equal.
    unsafe {
        match length {
            0 => 0,
            1 => i32::from(*left) - i32::from(*right),
            2..=3 => order_of_ends::<u16>(left, right, length),
            4..=7 => order_of_ends::<u32>(left, right, length),
            8..=16 => order_of_ends::<u64>(left, right, length),
            _ => {
                let mut at = 0;
                loop {
                    let start = at.min(length - WIDTH);
                    let differing = differences(left.add(start), right.add(start));
                    if differing != 0 {
                        let first = start + differing.trailing_zeros() as usize;
                        return i32::from(*left.add(first)) - i32::from(*right.add(first));
                    }
                    if start < at || start == length - WIDTH {
                        return 0;
                    }
                    at += WIDTH;
                }
            }
        }
    }
}
