use super::*;

#[test]
fn templates_examples_and_masks_stand_in() {
    for value in [
        "",
        "${PASSWORD}",
        "$PASSWORD",
        "{password}",
        "{{ password }}",
        "<password>",
        "<your key>",
        "[password]",
        "%s",
        "%(password)s",
        "*****",
        "********",
        "xxxxxxxx",
        "XXXX-XXXX",
        "password",
        "Password1",
        "PASSWORD",
        "passwd!",
        "secret",
        "token",
        "changeme",
        "change_me",
        "your_password",
        "your-api-key",
        "AKIAIOSFODNN7EXAMPLE",
        "my-example-key",
        "dummy123",
        "placeholder",
        "none",
        "null",
        "undefined",
        "true",
        "process.env.KEY",
        "os.environ[X]",
        "abcdefgh12",
        "1234567890",
        "00000000",
        "aaaaaaab",
        "ababab",
        "fake_key_99",
        "<SECRET>",
        "<REDACTED>",
        "x<EMAIL>y",
        "x<REDACTED>y",
        "#{secret}",
        "pre${X}post",
        "user",
        "string",
        "deadbeefdeadbeef",
        "not_a_real_one",
        "a.b....c",
    ] {
        assert!(is_stand_in(value.as_bytes()), "{value}");
    }
}

#[test]
fn real_values_do_not() {
    for value in [
        "hunter2",
        "Tr0ub4dor&3",
        "correcthorse",
        "s3same",
        "p4ssw0rd!",
        "postgres",
        "letmein77",
        "qwerty",
        "dragon99",
        "Summer2024!",
        "iloveyou",
        "9f86d081884c7d65",
        "q7Xz-1v9Lm",
        "zaq12wsx",
        "monkey!",
        "admin123",
        "b7e151628aed2a6a",
    ] {
        assert!(!is_stand_in(value.as_bytes()), "{value}");
    }
}

/// Sums −p log2 p over the different bytes, one at a time.
fn entropy_slowly(value: &[u8]) -> f64 {
    let mut sum = 0.0;
    for byte in 0..=255_u8 {
        let p = value.split(|&other| other == byte).skip(1).count() as f64 / value.len() as f64;
        if p > 0.0 {
            sum -= p * p.log2();
        }
    }
    sum
}

proptest::proptest! {
    #![proptest_config(crate::tests::seeded(1000))]

    #[test]
    fn entropy_agrees_with_its_slow_twin(value in proptest::collection::vec(0_u8.., 1..200)) {
        proptest::prop_assert!((entropy(&value) - entropy_slowly(&value)).abs() < 1e-9);
    }
}
