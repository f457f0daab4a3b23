//! Any bytes are YAML, or give an error with its place; what was read is the same after it was written.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = kluctl_yaml::text_of(data) else {
        return;
    };
    let _ = kluctl_yaml::from_str(&text);
    if let Ok(value) = kluctl_yaml::from_str_lenient(&text)
        && let Ok(written) = kluctl_yaml::try_to_string(&value)
    {
        let again = kluctl_yaml::from_str(&written).expect("what was written can be read");
        assert_eq!(again, value, "{written}");
    }
});
