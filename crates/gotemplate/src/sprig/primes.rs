//! Large random primes, fast: charts make RSA keys on each rendering, and the search for primes is nearly all of their time.

#[cfg(target_arch = "x86_64")]
mod lanes;

use std::sync::LazyLock;

use rand::RngCore as _;

/// Rounds of the test of Miller and Rabin, as FIPS 186-5 asks for primes of this size (table B.1, error 2^-112).
const ROUNDS: usize = 5;
/// How many numbers are looked at from one random start, in steps of four.
const WINDOW: usize = 4096;
/// Primes below this are used to sort numbers out before they are tested.
const SIEVE: usize = 1 << 16;
/// The public exponent that keys are made for.
pub(super) const EXPONENT: u64 = 65537;

/// Arithmetic modulo an odd number of `N` limbs, lowest limb first, on numbers multiplied by 2^(64 N).
///
/// Source: P. Montgomery, "Modular multiplication without trial division"; the loops are "coarsely integrated operand
/// scanning" of Koç, Acar and Kaliski.
struct Field<const N: usize> {
    modulus: [u64; N],
    /// `-modulus^-1` modulo 2^64
    inverse: u64,
    /// The number one.
    one: [u64; N],
}

impl<const N: usize> Field<N> {
    /// Takes an odd modulus with its highest bit set.
    fn new(modulus: [u64; N]) -> Self {
        let mut inverse = 1_u64;
        for _ in 0..6 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(modulus[0].wrapping_mul(inverse)));
        }
        // 2^(64 N) - modulus is less than the modulus.
        let (one, _) = subtract(&[0; N], &modulus);
        Self {
            modulus,
            inverse: inverse.wrapping_neg(),
            one,
        }
    }

    fn multiply(&self, a: &[u64; N], b: &[u64; N]) -> [u64; N] {
        let mut sum = [0_u64; N];
        let mut top = 0_u64;
        for digit in b {
            let mut carry = 0;
            for (limb, factor) in sum.iter_mut().zip(a) {
                (*limb, carry) = multiply_add(*factor, *digit, *limb, carry);
            }
            let (high, over) = top.overflowing_add(carry);
            let quotient = sum[0].wrapping_mul(self.inverse);
            let (_, mut carry) = multiply_add(quotient, self.modulus[0], sum[0], 0);
            for at in 1..N {
                (sum[at - 1], carry) = multiply_add(quotient, self.modulus[at], sum[at], carry);
            }
            let (last, more) = high.overflowing_add(carry);
            sum[N - 1] = last;
            top = u64::from(over) + u64::from(more);
        }
        let (less, borrow) = subtract(&sum, &self.modulus);
        if top == 1 || !borrow { less } else { sum }
    }

    fn double(&self, number: &[u64; N]) -> [u64; N] {
        let mut doubled = *number;
        let mut carry = 0;
        for limb in &mut doubled {
            (*limb, carry) = (*limb << 1 | carry, *limb >> 63);
        }
        let (less, borrow) = subtract(&doubled, &self.modulus);
        if carry == 1 || !borrow { less } else { doubled }
    }

    /// Tells whether the modulus, which is 3 modulo 4, passes the test of Miller and Rabin for a base.
    fn passes(&self, base: &[u64; N]) -> bool {
        let (minus_one, _) = subtract(&self.modulus, &self.one);
        let mut power = self.one;
        // The odd half of the number before the modulus.
        for bit in (1..64 * N).rev() {
            power = self.multiply(&power, &power);
            if self.modulus[bit / 64] >> (bit % 64) & 1 == 1 {
                power = self.multiply(&power, base);
            }
        }
        power == self.one || power == minus_one
    }

    /// Tells whether two to the number before the modulus is one, which nearly no composite number passes.
    fn looks_prime(&self) -> bool {
        let mut power = self.one;
        for bit in (1..64 * N).rev() {
            power = self.multiply(&power, &power);
            if self.modulus[bit / 64] >> (bit % 64) & 1 == 1 {
                power = self.double(&power);
            }
        }
        self.multiply(&power, &power) == self.one
    }

    /// Tells whether the modulus is prime, but for one in 2^112.
    fn is_prime(&self) -> bool {
        // Any number below the modulus is some base in this form.
        (0..ROUNDS).all(|_| self.passes(&random_base()))
    }
}

/// `a * b + c + d`, lower half first.
fn multiply_add(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let sum = u128::from(a) * u128::from(b) + u128::from(c) + u128::from(d);
    (sum as u64, (sum >> 64) as u64)
}

/// The difference, and whether it is below zero.
fn subtract<const N: usize>(a: &[u64; N], b: &[u64; N]) -> ([u64; N], bool) {
    let mut difference = [0; N];
    let mut borrow = false;
    for at in 0..N {
        let (part, first) = a[at].overflowing_sub(b[at]);
        let (part, second) = part.overflowing_sub(u64::from(borrow));
        difference[at] = part;
        borrow = first || second;
    }
    (difference, borrow)
}

fn random<const N: usize>() -> [u64; N] {
    let mut generator = rand::rng();
    std::array::from_fn(|_| generator.next_u64())
}

/// A number below every modulus.
fn random_base<const N: usize>() -> [u64; N] {
    let mut base = random::<N>();
    base[N - 1] >>= 1;
    base
}

/// A divisor, with what makes dividing by it two multiplications.
///
/// Source: Möller and Granlund, "Improved division by invariant integers", algorithm 4.
#[derive(Clone, Copy)]
struct Divisor {
    /// The divisor, with its highest bit moved to the top.
    number: u64,
    shift: u32,
    /// `(2^128 - 1) / number - 2^64`
    reciprocal: u64,
}

impl Divisor {
    fn new(divisor: u64) -> Self {
        let shift = divisor.leading_zeros();
        let number = divisor << shift;
        Self {
            number,
            shift,
            reciprocal: (u128::MAX / u128::from(number)) as u64,
        }
    }

    /// What is left of a number.
    fn remainder<const N: usize>(&self, number: &[u64; N]) -> u64 {
        let mut rest = 0_u64;
        let mut above = 0;
        for limb in number.iter().rev() {
            // The number is shifted as the divisor is; a shift by all 64 bits is done in two steps.
            let low = above << self.shift | limb >> 1 >> (63 - self.shift);
            rest = self.step(rest, low);
            above = *limb;
        }
        self.step(rest, above << self.shift) >> self.shift
    }

    /// What is left of two limbs, of which the higher is less than the divisor.
    fn step(&self, high: u64, low: u64) -> u64 {
        let wide =
            u128::from(self.reciprocal) * u128::from(high) + (u128::from(high) << 64 | u128::from(low));
        let quotient = ((wide >> 64) as u64).wrapping_add(1);
        let mut rest = low.wrapping_sub(quotient.wrapping_mul(self.number));
        if rest > wide as u64 {
            rest = rest.wrapping_add(self.number);
        }
        if rest >= self.number {
            rest -= self.number;
        }
        rest
    }
}

/// The odd primes below a limit, by four, since their product still is one limb.
static ODD_PRIMES: LazyLock<Vec<(Divisor, Vec<u64>)>> = LazyLock::new(|| {
    let mut is_composite = vec![false; SIEVE];
    let mut primes = Vec::new();
    for number in (3..SIEVE).step_by(2) {
        if !is_composite[number] {
            primes.push(number as u64);
            for multiple in (number * number..SIEVE).step_by(2 * number) {
                is_composite[multiple] = true;
            }
        }
    }
    let group = |primes: &[u64]| (Divisor::new(primes.iter().product()), primes.to_vec());
    primes.chunks(4).map(group).collect()
});

/// Tells which of the numbers from a start on, in steps of four, have a small factor.
fn sieve<const N: usize>(start: &[u64; N]) -> Vec<bool> {
    let mut is_composite = vec![false; WINDOW];
    for (product, group) in &*ODD_PRIMES {
        let rest = product.remainder(start);
        for prime in group {
            let mut first = match rest % prime {
                0 => 0,
                rest => prime - rest,
            };
            for _ in 0..2 {
                first = (first + first % 2 * prime) >> 1;
            }
            // A range with steps would count them first, which is a division.
            let mut at = first as usize;
            while at < WINDOW {
                is_composite[at] = true;
                at += *prime as usize;
            }
        }
    }
    is_composite
}

/// Finds a random prime of 64 N bits, which is 3 modulo 4, whose two highest bits are set and for which `EXPONENT` is a
/// good exponent.
///
/// The bytes are in the order of big-endian numbers.
pub(super) fn random_prime<const N: usize>() -> Vec<u8> {
    let exponent = Divisor::new(EXPONENT);
    loop {
        let mut start = random::<N>();
        start[0] |= 3;
        start[N - 1] |= 3 << 62;
        let is_composite = sieve(&start);
        let candidates: Vec<[u64; N]> = (0..WINDOW)
            .filter(|index| !is_composite[*index])
            .filter_map(|index| {
                let mut candidate = start;
                candidate[0] = start[0].checked_add(4 * index as u64)?;
                (exponent.remainder(&candidate) != 1).then_some(candidate)
            })
            .collect();
        if let Some(prime) = first_prime(&candidates) {
            return prime.iter().rev().flat_map(|limb| limb.to_be_bytes()).collect();
        }
    }
}

fn first_prime<const N: usize>(candidates: &[[u64; N]]) -> Option<[u64; N]> {
    #[cfg(target_arch = "x86_64")]
    if let Some(lanes) = lanes::Lanes::detect() {
        return candidates.chunks(lanes::COUNT).find_map(|chunk| match N {
            16 => lanes.first_prime::<N, 20>(chunk),
            _ => lanes.first_prime::<N, 40>(chunk),
        });
    }
    candidates.iter().copied().find(|candidate| {
        let field = Field::new(*candidate);
        field.looks_prime() && field.is_prime()
    })
}

/// What is left of a number, in the plain way.
#[cfg(test)]
fn remainder<const N: usize>(number: &[u64; N], divisor: u64) -> u64 {
    number.iter().rev().fold(0, |rest, limb| {
        ((u128::from(rest) << 64 | u128::from(*limb)) % u128::from(divisor)) as u64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divides_as_plain_division_does() {
        let numbers = [
            [0; 3],
            [u64::MAX; 3],
            [1, 0, 1 << 63],
            random(),
            random(),
            random(),
        ];
        for divisor in [
            1,
            2,
            3,
            65537,
            1 << 32,
            (1 << 63) - 25,
            1 << 63,
            u64::MAX - 58,
            u64::MAX,
        ] {
            for number in numbers {
                let (fast, plain) = (
                    Divisor::new(divisor).remainder(&number),
                    remainder(&number, divisor),
                );
                assert_eq!(fast, plain, "{number:?} by {divisor}");
            }
        }
    }

    #[test]
    fn knows_primes_from_composites() {
        // 2^128 - 173 is prime; the others are 3 modulo 4 too, and one of them has no small factor.
        let field = |below: u64| Field::new([below.wrapping_neg(), u64::MAX]);
        assert!(field(173).looks_prime() && field(173).is_prime());
        for below in [1, 5, 9, 177, 181] {
            assert!(!field(below).looks_prime() && !field(below).is_prime(), "{below}");
        }
        // A product of two primes of 64 bits.
        let product = 18_446_744_073_709_551_557_u128 * 18_446_744_073_709_551_427;
        assert!(!Field::new([product as u64, (product >> 64) as u64]).is_prime());
    }

    #[test]
    fn multiplies_as_plain_numbers_do() {
        let field = Field::new([0xFFFF_FFFF_FFFF_FFC5]);
        let to = |number: u64| {
            let shifted = (u128::from(number) << 64) % 0xFFFF_FFFF_FFFF_FFC5;
            [shifted as u64]
        };
        for (a, b) in [
            (2, 3),
            (u64::MAX - 100, u64::MAX - 60),
            (0, 5),
            (1 << 63, 1 << 63),
        ] {
            let product = (u128::from(a) * u128::from(b) % 0xFFFF_FFFF_FFFF_FFC5) as u64;
            assert_eq!(field.multiply(&to(a), &to(b)), to(product), "{a} {b}");
        }
        assert_eq!(
            field.double(&to(u64::MAX - 60)),
            to(((u128::from(u64::MAX - 60) * 2) % 0xFFFF_FFFF_FFFF_FFC5) as u64)
        );
    }

    #[test]
    fn sorts_out_exactly_the_multiples_of_small_primes() {
        let primes: Vec<u64> = ODD_PRIMES.iter().flat_map(|(_, group)| group.clone()).collect();
        assert_eq!((primes[0], primes.len()), (3, 6541));
        let start = [0x1234_5678_9ABC_DEF3_u64, 0xC000_0000_0000_0001];
        for (index, is_composite) in sieve(&start).into_iter().enumerate() {
            let number = [start[0] + 4 * index as u64, start[1]];
            let expected = primes.iter().any(|prime| remainder(&number, *prime) == 0);
            assert_eq!(is_composite, expected, "{index}");
        }
    }

    #[test]
    fn random_primes_are_large_and_prime() {
        let (first, second) = (random_prime::<16>(), random_prime::<16>());
        assert_ne!(first, second);
        for prime in [first, second] {
            assert_eq!((prime.len(), prime[0] >> 6, prime[127] & 3), (128, 3, 3));
            let mut limbs = [0; 16];
            for (limb, bytes) in limbs.iter_mut().rev().zip(prime.chunks(8)) {
                *limb = u64::from_be_bytes(bytes.try_into().unwrap());
            }
            assert!(Field::new(limbs).is_prime());
        }
    }
}
