//! Eight candidates at a time, on processors that multiply numbers of 52 bits in eight lanes (AVX-512 IFMA): many times as fast.

use std::arch::is_x86_feature_detected;
use std::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_cmpeq_epi64_mask, _mm512_madd52hi_epu64,
    _mm512_madd52lo_epu64, _mm512_set_epi64, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_sllv_epi64,
    _mm512_srli_epi64, _mm512_srlv_epi64,
};

use super::{Field, random_base};

/// How many numbers are looked at together.
pub(super) const COUNT: usize = 8;
/// The bits of one limb.
const BITS: usize = 52;
const MASK: u64 = (1 << BITS) - 1;
/// How many bits of an exponent are multiplied with at once.
const WINDOW_BITS: usize = 4;

/// Says that this processor has the instructions.
#[derive(Clone, Copy)]
pub(super) struct Lanes(());

impl Lanes {
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma")).then_some(Self(()))
    }

    /// Finds the first prime among up to eight numbers of `N` limbs of 64 bits, which are `L` limbs of 52 bits.
    #[expect(
        unsafe_code,
        reason = "these instructions are what the processor was asked for when `self` was made"
    )]
    pub(super) fn first_prime<const N: usize, const L: usize>(
        self,
        candidates: &[[u64; N]],
    ) -> Option<[u64; N]> {
        // SAFETY: a `Lanes` is only made where the two features are.
        let Self(()) = self;
        unsafe { first_prime::<N, L>(candidates) }
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn first_prime<const N: usize, const L: usize>(candidates: &[[u64; N]]) -> Option<[u64; N]> {
    let fields: Vec<Field<N>> = candidates
        .iter()
        .map(|candidate| Field::new(*candidate))
        .collect();
    let last = fields.len().checked_sub(1)?;
    let passed = Moduli::<L>::new(std::array::from_fn(|lane| &fields[lane.min(last)])).look_prime();
    (0..=last)
        .filter(|lane| passed >> lane & 1 == 1)
        .find(|lane| Moduli::<L>::new([&fields[*lane]; COUNT]).is_prime(&candidates[*lane]))
        .map(|lane| candidates[lane])
}

/// Eight moduli; numbers below them are multiplied by 2^(52 L), and less than four times a modulus.
///
/// Source: as [`Field`]; no subtraction is needed since 2^(52 L) is far larger than the moduli.
struct Moduli<const L: usize> {
    modulus: [__m512i; L],
    /// `-modulus^-1` modulo 2^52
    inverse: __m512i,
    /// The number one.
    one: [__m512i; L],
}

impl<const L: usize> Moduli<L> {
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn new<const N: usize>(fields: [&Field<N>; COUNT]) -> Self {
        let one = fields.map(|field| (64 * N..BITS * L).fold(field.one, |number, _| field.double(&number)));
        Self {
            modulus: spread(&fields.map(|field| field.modulus)),
            inverse: lanes_of(fields.map(|field| field.inverse & MASK)),
            one: spread(&one),
        }
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn multiply(&self, a: &[__m512i; L], b: &[__m512i; L]) -> [__m512i; L] {
        let zero = _mm512_setzero_si512();
        let mut sum = [zero; L];
        for digit in b {
            let first = _mm512_madd52lo_epu64(sum[0], a[0], *digit);
            let quotient = _mm512_madd52lo_epu64(zero, first, self.inverse);
            let first = _mm512_madd52lo_epu64(first, self.modulus[0], quotient);
            for at in 1..L {
                let low = _mm512_madd52lo_epu64(sum[at], a[at], *digit);
                let low = _mm512_madd52lo_epu64(low, self.modulus[at], quotient);
                let high = _mm512_madd52hi_epu64(low, a[at - 1], *digit);
                sum[at - 1] = _mm512_madd52hi_epu64(high, self.modulus[at - 1], quotient);
            }
            let high = _mm512_madd52hi_epu64(zero, a[L - 1], *digit);
            sum[L - 1] = _mm512_madd52hi_epu64(high, self.modulus[L - 1], quotient);
            sum[0] = _mm512_add_epi64(sum[0], _mm512_srli_epi64::<52>(first));
        }
        let mut product = [zero; L];
        carry(&sum, zero, &mut product);
        product
    }

    /// Squares, then doubles as often as `shift` says.
    ///
    /// Half of the products of a square are there twice, so it takes a quarter less than a multiplication. `wide` is room for the
    /// square before it is reduced.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn square(&self, power: &mut [__m512i; L], wide: &mut [[__m512i; L]; 2], shift: __m512i) {
        let zero = _mm512_setzero_si512();
        *wide = [[zero; L]; 2];
        let square = wide.as_flattened_mut();
        // Blocks of four limbs, so that their sums stay in registers.
        let (blocks, _) = power.as_chunks::<4>();
        for (row, left) in blocks.iter().enumerate() {
            for (column, right) in blocks.iter().enumerate().skip(row) {
                let Some(sums) = square[4 * (row + column)..].first_chunk_mut::<8>() else {
                    break;
                };
                let mut new = *sums;
                for (i, digit) in left.iter().enumerate() {
                    for (j, factor) in right.iter().enumerate() {
                        if column > row || j > i {
                            new[i + j] = _mm512_madd52lo_epu64(new[i + j], *factor, *digit);
                            new[i + j + 1] = _mm512_madd52hi_epu64(new[i + j + 1], *factor, *digit);
                        }
                    }
                }
                *sums = new;
            }
        }
        for (pair, digit) in square.chunks_exact_mut(2).zip(power.iter()) {
            pair[0] = _mm512_madd52lo_epu64(_mm512_add_epi64(pair[0], pair[0]), *digit, *digit);
            pair[1] = _mm512_madd52hi_epu64(_mm512_add_epi64(pair[1], pair[1]), *digit, *digit);
        }
        for at in 0..L {
            let sums = &mut square[at..=at + L];
            let quotient = _mm512_madd52lo_epu64(zero, sums[0], self.inverse);
            let first = _mm512_madd52lo_epu64(sums[0], self.modulus[0], quotient);
            for (sum, limbs) in sums[1..].iter_mut().zip(self.modulus.windows(2)) {
                let low = _mm512_madd52lo_epu64(*sum, limbs[1], quotient);
                *sum = _mm512_madd52hi_epu64(low, limbs[0], quotient);
            }
            sums[L] = _mm512_madd52hi_epu64(sums[L], self.modulus[L - 1], quotient);
            sums[1] = _mm512_add_epi64(sums[1], _mm512_srli_epi64::<52>(first));
        }
        carry(&wide[1], shift, power);
    }

    /// Tells of each modulus whether two to the number before it is one.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn look_prime(&self) -> u8 {
        let (zero, unit) = (_mm512_setzero_si512(), _mm512_set1_epi64(1));
        let wide = &mut [[zero; L]; 2];
        let mut power = self.one;
        for bit in (1..BITS * L).rev() {
            let place = _mm512_set1_epi64((bit % BITS) as i64);
            let digit = _mm512_srlv_epi64(self.modulus[bit / BITS], place);
            self.square(&mut power, wide, _mm512_and_si512(digit, unit));
        }
        self.square(&mut power, wide, zero);
        self.equal(&power, unit, zero)
    }

    /// Tells whether the modulus, the same in all lanes and 3 modulo 4, passes the test of Miller and Rabin in all of them.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn is_prime<const N: usize>(&self, modulus: &[u64; N]) -> bool {
        let (zero, unit) = (_mm512_setzero_si512(), _mm512_set1_epi64(1));
        let base = spread(&std::array::from_fn(|_| random_base::<N>()));
        let mut powers = [self.one; 1 << WINDOW_BITS];
        for exponent in 1..powers.len() {
            powers[exponent] = self.multiply(&powers[exponent - 1], &base);
        }
        let wide = &mut [[zero; L]; 2];
        let mut power = self.one;
        // The exponent is the odd half of the number before the modulus.
        for window in (0..64 * N / WINDOW_BITS).rev() {
            for _ in 0..WINDOW_BITS {
                self.square(&mut power, wide, zero);
            }
            let (word, shift) = (window * WINDOW_BITS / 64, window * WINDOW_BITS % 64);
            let above = modulus.get(word + 1).map_or(0, |limb| limb << 63);
            let digit = ((modulus[word] >> 1 | above) >> shift) as usize % powers.len();
            if digit > 0 {
                power = self.multiply(&power, &powers[digit]);
            }
        }
        let mut less = self.modulus;
        less[0] = _mm512_and_si512(less[0], _mm512_set1_epi64((MASK - 1) as i64));
        let plain = self.plain(&power);
        let minus_one = plain
            .iter()
            .zip(&less)
            .fold(u8::MAX, |equal, (a, b)| equal & _mm512_cmpeq_epi64_mask(*a, *b));
        self.equal(&power, unit, zero) | minus_one == u8::MAX
    }

    /// Takes the factor 2^(52 L) away.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn plain(&self, number: &[__m512i; L]) -> [__m512i; L] {
        let zero = _mm512_setzero_si512();
        let mut unit = [zero; L];
        unit[0] = _mm512_set1_epi64(1);
        self.multiply(number, &unit)
    }

    /// Tells in which lanes a number is one limb and zeros.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn equal(&self, number: &[__m512i; L], first: __m512i, rest: __m512i) -> u8 {
        let plain = self.plain(number);
        plain
            .iter()
            .skip(1)
            .fold(_mm512_cmpeq_epi64_mask(plain[0], first), |equal, limb| {
                equal & _mm512_cmpeq_epi64_mask(*limb, rest)
            })
    }
}

/// Doubles as often as `shift` says, and brings what is more than 52 bits of a limb into the next one.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn carry<const L: usize>(limbs: &[__m512i; L], shift: __m512i, into: &mut [__m512i; L]) {
    let mask = _mm512_set1_epi64(MASK as i64);
    let mut carry = _mm512_setzero_si512();
    for (limb, into) in limbs.iter().zip(into) {
        let whole = _mm512_add_epi64(_mm512_sllv_epi64(*limb, shift), carry);
        carry = _mm512_srli_epi64::<52>(whole);
        *into = _mm512_and_si512(whole, mask);
    }
}

/// Cuts eight numbers into limbs of 52 bits.
#[target_feature(enable = "avx512f,avx512ifma")]
fn spread<const N: usize, const L: usize>(numbers: &[[u64; N]; COUNT]) -> [__m512i; L] {
    let mut limbs = [_mm512_setzero_si512(); L];
    for (at, limb) in limbs.iter_mut().enumerate() {
        let (word, shift) = (BITS * at / 64, BITS * at % 64);
        *limb = lanes_of(std::array::from_fn(|lane| {
            let number = &numbers[lane];
            let low = number.get(word).map_or(0, |limb| limb >> shift);
            // A shift of no bits at all is done in two steps.
            let high = number.get(word + 1).map_or(0, |limb| limb << 1 << (63 - shift));
            (low | high) & MASK
        }));
    }
    limbs
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn lanes_of(numbers: [u64; COUNT]) -> __m512i {
    let [a, b, c, d, e, f, g, h] = numbers.map(|number| number as i64);
    _mm512_set_epi64(h, g, f, e, d, c, b, a)
}

#[cfg(test)]
mod tests {
    use super::super::{random, random_prime, remainder};
    use super::*;

    fn limbs<const N: usize>(bytes: &[u8]) -> [u64; N] {
        let mut limbs = [0; N];
        for (limb, bytes) in limbs.iter_mut().rev().zip(bytes.chunks(8)) {
            *limb = u64::from_be_bytes(bytes.try_into().unwrap());
        }
        limbs
    }

    fn check<const N: usize, const L: usize>(lanes: Lanes) {
        let prime: [u64; N] = limbs(&random_prime::<N>());
        assert!(Field::new(prime).is_prime());
        let composite = || {
            let mut number = random::<N>();
            number[N - 1] |= 3 << 62;
            // The first multiple of three that is 3 modulo 4.
            number[0] = number[0] >> 4 << 4 | 3;
            number[0] += 4 * ((3 - remainder(&number, 3)) % 3);
            number
        };
        for lane in 0..COUNT {
            let mut candidates: [[u64; N]; COUNT] = std::array::from_fn(|_| composite());
            assert_eq!(lanes.first_prime::<N, L>(&candidates), None);
            candidates[lane] = prime;
            assert_eq!(
                lanes.first_prime::<N, L>(&candidates[..=lane]),
                Some(prime),
                "{lane}"
            );
        }
        assert_eq!(lanes.first_prime::<N, L>(&[]), None);
    }

    #[test]
    fn lanes_find_the_primes_that_single_numbers_find() {
        match Lanes::detect() {
            Some(lanes) => {
                check::<16, 20>(lanes);
                check::<32, 40>(lanes);
            }
            None => eprintln!("this processor has no AVX-512 IFMA: nothing to compare"),
        }
    }
}
