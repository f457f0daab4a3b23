//! Certificates and private keys in PEM.

use std::any::Any;
use std::net::IpAddr;

use rand::RngCore as _;
use sha2::{Digest as _, Sha256};

use super::arguments::{int, text};
use super::der::{
    BIT_STRING, Element, INTEGER, OCTET_STRING, OID, SET, bit_string, element, from_pem, integer, read,
    read_all, sequence, to_pem,
};
use super::encoding::base64_decode;
use super::keys::{PrivateKey, RsaBits, generate_dsa};
use super::*;
use crate::fmt;
use crate::object::Object;
use crate::strconv::quote;
use crate::text::Text;
use crate::time::{Moment, Zone};
use crate::types::{Kind, NamedType};
use crate::value::List;

static CERTIFICATE: NamedType = NamedType {
    name: "sprig.certificate",
    underlying: None,
    kind: Kind::Struct,
};

const CERTIFICATE_TYPE: Type = Type::Named(&CERTIFICATE);
const LIST: Type = Type::List(&Type::Any);

static CN_DAYS: Signature = Signature::fixed(&[Type::String, INT]);
static CN_DAYS_KEY: Signature = Signature::fixed(&[Type::String, INT, Type::String]);
static SELF_SIGNED: Signature = Signature::fixed(&[Type::String, LIST, LIST, INT]);
static SELF_SIGNED_KEY: Signature = Signature::fixed(&[Type::String, LIST, LIST, INT, Type::String]);
static SIGNED: Signature = Signature::fixed(&[Type::String, LIST, LIST, INT, CERTIFICATE_TYPE]);
static SIGNED_KEY: Signature =
    Signature::fixed(&[Type::String, LIST, LIST, INT, CERTIFICATE_TYPE, Type::String]);

pub(super) const TABLE: &[Entry] = &[
    ("genPrivateKey", &TEXT, |a, _| {
        Ok(generate(&String::from_utf8_lossy(text(&a[0]))).into())
    }),
    ("genCA", &CN_DAYS, |a, _| {
        authority(a, &PrivateKey::generate_rsa(RsaBits::Two)?)
    }),
    ("genCAWithKey", &CN_DAYS_KEY, |a, _| {
        authority(a, &given_key(&a[2])?)
    }),
    ("genSelfSignedCert", &SELF_SIGNED, |a, _| {
        self_signed(a, &PrivateKey::generate_rsa(RsaBits::Two)?)
    }),
    ("genSelfSignedCertWithKey", &SELF_SIGNED_KEY, |a, _| {
        self_signed(a, &given_key(&a[4])?)
    }),
    ("genSignedCert", &SIGNED, |a, _| {
        signed(a, &PrivateKey::generate_rsa(RsaBits::Two)?)
    }),
    ("genSignedCertWithKey", &SIGNED_KEY, |a, _| {
        signed(a, &given_key(&a[5])?)
    }),
    ("buildCustomCert", &TEXT_TEXT, |a, _| custom(a)),
];

fn generate(kind: &str) -> String {
    let key = match kind {
        "" | "rsa" => PrivateKey::generate_rsa(RsaBits::Four),
        "dsa" => return generate_dsa(),
        "ecdsa" => PrivateKey::generate_ec(),
        "ed25519" => PrivateKey::generate_ed25519(),
        kind => return format!("Unknown type {kind}"),
    };
    key.and_then(|key| key.to_pem())
        .unwrap_or_else(|error| format!("failed to generate private key: {error}"))
}

/// A certificate and its key, both in PEM.
struct Certificate {
    certificate: Text,
    key: Text,
}

impl Object for Certificate {
    fn go_type(&self) -> &'static NamedType {
        &CERTIFICATE
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(self.certificate.clone().into()),
            "Key" => Some(self.key.clone().into()),
            _ => None,
        }
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("Cert", self.certificate.clone().into()),
            ("Key", self.key.clone().into()),
        ]
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other
            .as_any()
            .downcast_ref::<Self>()
            .is_some_and(|other| self.certificate == other.certificate && self.key == other.key)
    }
}

fn given_key(value: &Value) -> Result<PrivateKey> {
    PrivateKey::from_pem(text(value)).map_err(|error| Error::message(format!("parsing private key: {error}")))
}

/// Who signs: the name, the identifier of the key, the key, and what it must match.
struct Issuer<'k> {
    name: Vec<u8>,
    key_id: Vec<u8>,
    key: &'k PrivateKey,
    public_key: Option<Vec<u8>>,
}

/// What a certificate is to say.
struct Request<'k> {
    name: Vec<u8>,
    addresses: Vec<IpAddr>,
    dns_names: Vec<String>,
    days: i64,
    is_authority: bool,
    key: &'k PrivateKey,
}

impl<'k> Request<'k> {
    fn new(
        a: &[Value],
        addresses: &[Value],
        dns_names: &[Value],
        days: i64,
        key: &'k PrivateKey,
    ) -> Result<Self> {
        let addresses = addresses.iter().map(parse_address).collect::<Result<_>>()?;
        let dns_names = dns_names.iter().map(parse_dns_name).collect::<Result<_>>()?;
        let name = distinguished_name(text(&a[0]));
        Ok(Self {
            name,
            addresses,
            dns_names,
            days,
            is_authority: false,
            key,
        })
    }

    fn self_signed(&self) -> Result<Value> {
        let issuer = Issuer {
            name: self.name.clone(),
            key_id: Vec::new(),
            key: self.key,
            public_key: None,
        };
        self.sign(&issuer)
    }

    fn sign(&self, issuer: &Issuer<'_>) -> Result<Value> {
        let failed = |error: String| Error::message(format!("error creating certificate: {error}"));
        if let Some(public_key) = &issuer.public_key
            && *public_key != issuer.key.public_key()?
        {
            return Err(failed(
                "x509: provided PrivateKey doesn't match parent's PublicKey".to_owned(),
            ));
        }
        let body = self.body(issuer)?;
        let signature = issuer.key.sign(&body).map_err(failed)?;
        let der = sequence(&[&body, &issuer.key.signature_algorithm(), &bit_string(&signature)]);
        Ok(Value::object(Certificate {
            certificate: to_pem("CERTIFICATE", &der).into(),
            key: self.key.to_pem()?.into(),
        }))
    }

    fn body(&self, issuer: &Issuer<'_>) -> Result<Vec<u8>> {
        let mut serial = [0; 16];
        rand::rng().fill_bytes(&mut serial);
        let now = Moment::now().in_zone(Zone::Utc);
        let nanoseconds = self.days.wrapping_mul(24 * 3600 * 1_000_000_000);
        let validity = sequence(&[&point_in_time(&now), &point_in_time(&now.add(nanoseconds))]);
        let public_key = self.key.public_key()?;
        let extensions = element(0xA3, &sequence(&[&self.extensions(issuer, &public_key)?]));
        Ok(sequence(&[
            &element(0xA0, &element(INTEGER, &[2])),
            &integer(&serial),
            &issuer.key.signature_algorithm(),
            &issuer.name,
            &validity,
            &self.name,
            &public_key,
            &extensions,
        ]))
    }

    /// Go's order and marks.
    fn extensions(&self, issuer: &Issuer<'_>, public_key: &[u8]) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        let usage: [u8; 2] = if self.is_authority { [2, 0xA4] } else { [5, 0xA0] };
        all.extend(extension(15, true, &element(BIT_STRING, &usage)));
        let server = element(OID, &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01]);
        let client = element(OID, &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02]);
        all.extend(extension(37, false, &sequence(&[&server, &client])));
        let constraints: &[u8] = if self.is_authority {
            &[0x01, 0x01, 0xFF]
        } else {
            &[]
        };
        all.extend(extension(19, true, &sequence(&[constraints])));
        if self.is_authority {
            all.extend(extension(14, false, &element(OCTET_STRING, &key_id(public_key))));
        }
        if issuer.name != self.name && !issuer.key_id.is_empty() {
            all.extend(extension(35, false, &sequence(&[&element(0x80, &issuer.key_id)])));
        }
        let mut names = Vec::new();
        for name in &self.dns_names {
            if !name.is_ascii() {
                let quoted = quote(name.as_bytes());
                let message =
                    format!("error creating certificate: x509: {quoted} cannot be encoded as an IA5String");
                return Err(Error::message(message));
            }
            names.extend(element(0x82, name.as_bytes()));
        }
        for address in &self.addresses {
            names.extend(match address {
                IpAddr::V4(address) => element(0x87, &address.octets()),
                IpAddr::V6(address) => match address.to_ipv4_mapped() {
                    Some(address) => element(0x87, &address.octets()),
                    None => element(0x87, &address.octets()),
                },
            });
        }
        if !names.is_empty() {
            let no_subject = self.name.len() == 2;
            all.extend(extension(17, no_subject, &sequence(&[&names])));
        }
        Ok(all)
    }
}

fn extension(number: u8, critical: bool, value: &[u8]) -> Vec<u8> {
    let mark: &[u8] = if critical { &[0x01, 0x01, 0xFF] } else { &[] };
    sequence(&[
        &element(OID, &[0x55, 0x1D, number]),
        mark,
        &element(OCTET_STRING, value),
    ])
}

/// Go takes the first 20 bytes of the SHA-256 of the key's bits.
fn key_id(public_key: &[u8]) -> Vec<u8> {
    let bits = read(public_key)
        .and_then(|(info, _)| read_all(info.content))
        .and_then(|parts| {
            parts
                .get(1)
                .map(|bits| bits.content.get(1..).unwrap_or_default().to_vec())
        })
        .unwrap_or_default();
    Sha256::digest(bits)[..20].to_vec()
}

fn point_in_time(moment: &Moment) -> Vec<u8> {
    let year = moment.parts().year;
    if (1950..2050).contains(&year) {
        element(0x17, &moment.format(b"060102150405Z"))
    } else {
        element(0x18, &moment.format(b"20060102150405Z"))
    }
}

fn distinguished_name(common_name: &[u8]) -> Vec<u8> {
    if common_name.is_empty() {
        return sequence(&[]);
    }
    let is_printable = |byte: &u8| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(byte);
    let tag = if common_name.iter().all(is_printable) {
        0x13
    } else {
        0x0C
    };
    let attribute = sequence(&[&element(OID, &[0x55, 0x04, 0x03]), &element(tag, common_name)]);
    sequence(&[&element(SET, &attribute)])
}

fn parse_address(value: &Value) -> Result<IpAddr> {
    let Some(text) = value.as_text() else {
        let printed = fmt::print(std::slice::from_ref(value));
        return Err(Error::message(format!(
            "error parsing ip: {printed} is not a string"
        )));
    };
    text.to_str()
        .parse()
        .map_err(|_| Error::message(format!("error parsing ip: {text}")))
}

fn parse_dns_name(value: &Value) -> Result<String> {
    match value.as_text() {
        Some(text) => Ok(text.to_string()),
        None => {
            let printed = fmt::print(std::slice::from_ref(value));
            Err(Error::message(format!(
                "error processing alternate dns name: {printed} is not a string"
            )))
        }
    }
}

fn items(value: &Value) -> Vec<Value> {
    value.as_list().map(List::to_vec).unwrap_or_default()
}

fn authority(a: &[Value], key: &PrivateKey) -> Result<Value> {
    let request = Request::new(a, &[], &[], int(&a[1]), key)?;
    Request {
        is_authority: true,
        ..request
    }
    .self_signed()
}

fn self_signed(a: &[Value], key: &PrivateKey) -> Result<Value> {
    Request::new(a, &items(&a[1]), &items(&a[2]), int(&a[3]), key)?.self_signed()
}

fn signed(a: &[Value], key: &PrivateKey) -> Result<Value> {
    let ca = match &a[4] {
        Value::Object(object) => object.as_any().downcast_ref::<Certificate>(),
        _ => None,
    };
    let (certificate, ca_key) = ca.map_or((&b""[..], &b""[..]), |ca| {
        (ca.certificate.as_bytes(), ca.key.as_bytes())
    });
    let Some((_, der)) = from_pem(certificate) else {
        return Err(Error::message("unable to decode certificate"));
    };
    let parent = Parent::read(&der).ok_or_else(|| {
        Error::message("error parsing certificate: decodedSignerCert.Bytes: x509: malformed certificate")
    })?;
    let signer = PrivateKey::from_pem(ca_key)
        .map_err(|error| Error::message(format!("error parsing private key: {error}")))?;
    let request = Request::new(a, &items(&a[1]), &items(&a[2]), int(&a[3]), key)?;
    request.sign(&Issuer {
        name: parent.subject,
        key_id: parent.key_id,
        key: &signer,
        public_key: Some(parent.public_key),
    })
}

/// What a signer's certificate tells.
struct Parent {
    subject: Vec<u8>,
    public_key: Vec<u8>,
    key_id: Vec<u8>,
}

impl Parent {
    fn read(der: &[u8]) -> Option<Self> {
        let (outer, rest) = read(der)?;
        let parts = read_all(outer.content)?;
        if !rest.is_empty() || parts.len() != 3 {
            return None;
        }
        let mut body = read_all(parts[0].content)?;
        if body.first()?.tag == 0xA0 {
            body.remove(0);
        }
        let (subject, public_key) = (body.get(4)?, body.get(5)?);
        let extensions = body.iter().find(|part| part.tag == 0xA3);
        let key_id = extensions.and_then(|part| find_key_id(*part)).unwrap_or_default();
        Some(Self {
            subject: subject.whole.to_vec(),
            public_key: public_key.whole.to_vec(),
            key_id,
        })
    }
}

fn find_key_id(extensions: Element<'_>) -> Option<Vec<u8>> {
    let (list, _) = read(extensions.content)?;
    for extension in read_all(list.content)? {
        let parts = read_all(extension.content)?;
        if parts.first()?.content == [0x55, 0x1D, 14] {
            let (id, _) = read(parts.last()?.content)?;
            return Some(id.content.to_vec());
        }
    }
    None
}

fn custom(a: &[Value]) -> Result<Value> {
    let certificate =
        base64_decode(text(&a[0])).map_err(|_| Error::message("unable to decode base64 certificate"))?;
    let key =
        base64_decode(text(&a[1])).map_err(|_| Error::message("unable to decode base64 private key"))?;
    let Some((_, der)) = from_pem(&certificate) else {
        return Err(Error::message("unable to decode certificate"));
    };
    if Parent::read(&der).is_none() {
        let message = "error parsing certificate: decodedCert.Bytes: x509: malformed certificate";
        return Err(Error::message(message));
    }
    PrivateKey::from_pem(&key)
        .map_err(|error| Error::message(format!("error parsing private key: {error}")))?;
    Ok(Value::object(Certificate {
        certificate: certificate.into(),
        key: key.into(),
    }))
}
