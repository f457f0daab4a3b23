//! Methods of `bytes`, as far as text needs them.

use crate::call::string;
use crate::error::{Error, ErrorKind};
use crate::value::Value;
use crate::value::object::Method;

pub(crate) fn find(name: &str) -> Option<Method> {
    Some(match name {
        "decode" => |_, _, v, a| {
            let [encoding, errors] = a.bind("decode", ["encoding", "errors"], 0)?;
            let encoding = encoding.map_or(Ok("utf-8".into()), |value| string(&value))?;
            let errors = errors.map_or(Ok("strict".into()), |value| string(&value))?;
            let Value::Bytes(bytes) = v else {
                return Ok(Value::None);
            };
            match encoding.to_lowercase().replace('_', "-").as_str() {
                "utf-8" | "utf8" | "ascii" | "us-ascii" => match (std::str::from_utf8(bytes), &*errors) {
                    (Ok(text), _) => Ok(text.into()),
                    (Err(_), "ignore") => Ok(String::from_utf8_lossy(bytes).replace('\u{fffd}', "").into()),
                    (Err(_), "replace") => Ok(String::from_utf8_lossy(bytes).into_owned().into()),
                    (Err(error), _) => {
                        let at = error.valid_up_to();
                        Err(Error::new(
                            ErrorKind::UNICODE_DECODE,
                            format!(
                                "'utf-8' codec can't decode byte 0x{:02x} in position {at}: invalid start byte",
                                bytes[at]
                            ),
                        ))
                    }
                },
                "latin-1" | "latin1" | "iso-8859-1" => {
                    Ok(bytes.iter().map(|byte| *byte as char).collect::<String>().into())
                }
                _ => Err(Error::new(
                    ErrorKind::LOOKUP,
                    format!("unknown encoding: {encoding}"),
                )),
            }
        },
        "hex" => |_, _, v, a| {
            a.plain::<0>("bytes.hex", 0)?;
            let Value::Bytes(bytes) = v else {
                return Ok(Value::None);
            };
            Ok(hex::encode(bytes).into())
        },
        _ => return None,
    })
}
