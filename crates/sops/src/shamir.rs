//! Puts a key together from shares (Shamir's secret sharing over GF(2^8)).
//!
//! Source: sops `shamir/shamir.go`: each share is a value per byte of the secret, and its own x at the end.

use crate::error::Error;

/// The secret that the shares were made of.
pub(crate) fn combine(shares: &[Vec<u8>]) -> Result<Vec<u8>, Error> {
    let length = shares.first().map_or(0, Vec::len);
    if shares.len() < 2 {
        return Err(Error::new(
            "less than two parts cannot be used to reconstruct the secret",
        ));
    }
    if length < 2 {
        return Err(Error::new("parts must be at least two bytes"));
    }
    if shares.iter().any(|share| share.len() != length) {
        return Err(Error::new("all parts must be the same length"));
    }
    let xs: Vec<u8> = shares.iter().filter_map(|share| share.last().copied()).collect();
    if xs.iter().enumerate().any(|(at, x)| xs[..at].contains(x)) {
        return Err(Error::new("duplicate part detected"));
    }
    let at_zero = |index: usize| {
        let value = |(i, share): (usize, &Vec<u8>)| {
            let others = xs.iter().enumerate().filter(|(j, _)| *j != i);
            let weight = others.fold(1, |weight, (_, other)| {
                times(weight, times(*other, inverse(xs[i] ^ other)))
            });
            times(share[index], weight)
        };
        shares
            .iter()
            .enumerate()
            .map(value)
            .fold(0, |sum, value| sum ^ value)
    };
    Ok((0..length - 1).map(at_zero).collect())
}

/// The product in the field of AES.
fn times(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        if b & 1 == 1 {
            product ^= a;
        }
        let carry = a & 0x80 != 0;
        a <<= 1;
        if carry {
            a ^= 0x1B;
        }
        b >>= 1;
    }
    product
}

/// The inverse: a^254.
fn inverse(a: u8) -> u8 {
    let mut result = 1;
    for _ in 0..254 {
        result = times(result, a);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shares of a polynomial of degree one, `secret + slope * x`.
    fn shares(secret: &[u8], slope: &[u8], xs: &[u8]) -> Vec<Vec<u8>> {
        let share = |x: &u8| {
            let values = secret
                .iter()
                .zip(slope)
                .map(|(byte, slope)| byte ^ times(*slope, *x));
            values.chain([*x]).collect()
        };
        xs.iter().map(share).collect()
    }

    #[test]
    fn any_two_shares_give_the_secret() {
        let all = shares(b"secret", &[7, 255, 0, 19, 128, 1], &[1, 2, 3]);
        for pair in [[0, 1], [0, 2], [2, 1]] {
            let pair = pair.map(|index: usize| all[index].clone());
            assert_eq!(combine(&pair).as_deref(), Ok(&b"secret"[..]));
        }
        assert_eq!(combine(&all).as_deref(), Ok(&b"secret"[..]));
    }

    #[test]
    fn bad_shares_are_refused() {
        let share = vec![1, 2, 3];
        assert!(combine(std::slice::from_ref(&share)).is_err());
        assert!(combine(&[share.clone(), share.clone()]).is_err());
        assert!(combine(&[share, vec![1, 2]]).is_err());
    }
}
