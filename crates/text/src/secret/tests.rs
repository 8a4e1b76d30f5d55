use super::*;
use crate::resolve;
use crate::tests::{pictures, scramble, silent};

mod examples;
mod import;
mod rules;
mod traps;

const LOWER_HEX: &str = "0123456789abcdef";
const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A rule, then the tokens that must be found: parts in quotes stand as they are, `name:length` is scrambled.
#[rustfmt::skip]
const TOKENS: &[(&str, &str)] = &[
    ("github-token", "'ghp_' alnum:36"),
    ("github-token", "'gho_' alnum:36"),
    ("github-token", "'ghu_' alnum:36"),
    ("github-token", "'ghs_' alnum:36"),
    ("github-token", "'ghr_' alnum:76"),
    ("github-token", "'github_pat_' alnum:22 '_' alnum:59"),
    ("gitlab-token", "'glpat-' alnum:20"),
    ("gitlab-token", "'glpat-' alnum:10 '-' alnum:9"),
    ("gitlab-token", "'glpat-' alnum:27 '.01.' alnum:9"),
    ("gitlab-token", "'gldt-' alnum:20"),
    ("gitlab-token", "'glptt-' hex:40"),
    ("slack-token", "'xoxb-' digit:12 '-' digit:12 '-' alnum:24"),
    ("slack-token", "'xoxp-' digit:12 '-' digit:12 '-' digit:12 '-' hex:32"),
    ("slack-token", "'xapp-1-A' digit:10 '-' digit:13 '-' hex:64"),
    ("slack-webhook", "'hooks.slack.com/services/T' base32:8 '/B' base32:8 '/' alnum:24"),
    ("discord-webhook", "'discord.com/api/webhooks/' digit:18 '/' alnum:68"),
    ("discord-webhook", "'discordapp.com/api/webhooks/' digit:18 '/' alnum:68"),
    ("aws-access-key", "'AKIA' base32:16"),
    ("aws-access-key", "'ASIA' base32:16"),
    ("google-api-key", "'AIza' alnum:35"),
    ("google-oauth", "'GOCSPX-' alnum:28"),
    ("google-oauth", "'ya29.' alnum:120"),
    ("stripe-key", "'sk_live_' alnum:24"),
    ("stripe-key", "'rk_live_' alnum:24"),
    ("stripe-key", "'sk_test_' alnum:99"),
    ("stripe-key", "'whsec_' alnum:32"),
    ("openai-key", "'sk-proj-' alnum:60 'T3BlbkFJ' alnum:60"),
    ("openai-key", "'sk-' alnum:20 'T3BlbkFJ' alnum:20"),
    ("openrouter-key", "'sk-or-v1-' hex:64"),
    ("anthropic-key", "'sk-ant-api03-' alnum:93 'AA'"),
    ("huggingface-token", "'hf_' alnum:34"),
    ("replicate-token", "'r8_' alnum:37"),
    ("groq-key", "'gsk_' alnum:52"),
    ("perplexity-key", "'pplx-' alnum:48"),
    ("npm-token", "'npm_' alnum:36"),
    ("pypi-token", "'pypi-AgEIcHlwaS5vcmc' alnum:130"),
    ("rubygems-key", "'rubygems_' hex:48"),
    ("docker-token", "'dckr_pat_' alnum:27"),
    ("sendgrid-key", "'SG.' alnum:22 '.' alnum:43"),
    ("twilio-key", "'SK' hex:32"),
    ("mailgun-key", "'key-' hex:32"),
    ("shopify-token", "'shpat_' hex:32"),
    ("digitalocean-token", "'dop_v1_' hex:64"),
    ("databricks-token", "'dapi' hex:32"),
    ("azure-storage-key", "'AccountKey=' alnum:86 '=='"),
    ("azure-shared-access-key", "'SharedAccessKey=' alnum:43 '='"),
    ("alibaba-key", "'LTAI' alnum:20"),
    ("grafana-token", "'glsa_' alnum:32 '_' hex:8"),
    ("vault-token", "'hvs.' alnum:90"),
    ("linear-key", "'lin_api_' alnum:40"),
    ("figma-token", "'figd_' alnum:40"),
    ("supabase-token", "'sbp_' hex:40"),
    ("postman-key", "'PMAK-' hex:24 '-' hex:34"),
    ("newrelic-key", "'NRAK-' base32:27"),
    ("atlassian-token", "'ATATT3xFfGF0' alnum:180"),
    ("pulumi-token", "'pul-' hex:40"),
    ("notion-token", "'ntn_' alnum:46"),
    ("age-key", "'AGE-SECRET-KEY-1' base32:58"),
    ("telegram-bot-token", "digit:10 ':AA' alnum:33"),
    // {"alg":"HS256"}
    ("json-web-token", "'eyJhbGciOiJIUzI1NiJ9.eyJ' alnum:40 '.' alnum:43"),
    ("json-web-token", "'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJ' alnum:40 '.' alnum:43"),
];

fn build(recipe: &str) -> String {
    marked(recipe).0
}

/// The text of a recipe, and where in it the part between `[` and `]` stands.
fn marked(recipe: &str) -> (String, std::ops::Range<usize>) {
    let mut text = String::new();
    let (mut start, mut end) = (0, None);
    for part in recipe.split(' ') {
        match part.split_once(':') {
            _ if part == "[" => start = text.len(),
            _ if part == "]" => end = Some(text.len()),
            _ if part.starts_with('\'') => text += &part.trim_matches('\'').replace('␣', " ").replace('⏎', "\n"),
            Some(("uuid", _)) => text += "7f3b9c2e-41d8-4a6f-9b05-d2e8c7163fa4",
            Some((name, length)) => text += &scramble(alphabet(name), length.parse().unwrap()),
            None => unreachable!("{part}"),
        }
    }
    let end = end.unwrap_or(text.len());
    (text, start..end)
}

fn alphabet(name: &str) -> &'static str {
    match name {
        "alnum" => ALNUM,
        "alpha" => &ALNUM[..52],
        "upper" => "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        "lower" => "abcdefghijklmnopqrstuvwxyz0123456789",
        "hex" => LOWER_HEX,
        "uhex" => "0123456789ABCDEF",
        "digit" => "1234567890",
        "base32" => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
        "lower32" => "abcdefghijklmnopqrstuvwxyz234567",
        "b64" => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        "b64dot" => "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        _ => unreachable!("{name}"),
    }
}

fn scan(text: &str) -> Vec<(String, String)> {
    let mut findings = Vec::new();
    Secret.find(text, &mut findings);
    resolve(findings).into_iter().map(|f| (f.rule.as_str().to_owned(), text[f.span].to_owned())).collect()
}

#[test]
fn the_pack_in_the_box_is_whole() {
    let read = read::read(PACK, Rule::secret).unwrap();
    assert_eq!(read.skipped, []);
    assert_eq!(read.rules.len(), SHARED.rules.len());
    for rule in &SHARED.rules {
        assert!(rule.regex().is_some(), "{}", rule.name);
    }
}

#[test]
fn tokens_are_found_whole_by_their_rule() {
    for (rule, recipe) in TOKENS {
        let token = build(recipe);
        let rule = format!("secret:{rule}");
        for (before, after) in [
            ("", ""),
            ("use ", " now"),
            ("\"", "\""),
            ("(", ")."),
            ("见", "。"),
            ("x = '", "'\n"),
            ("- ", ","),
            ("\\n", "\\n"),
        ] {
            let text = format!("{before}{token}{after}");
            assert_eq!(scan(&text), [(rule.clone(), token.clone())], "{text}");
        }
    }
}

#[test]
fn tokens_that_are_tied_short_or_examples_are_not_found() {
    for (_, recipe) in TOKENS.iter().filter(|(rule, _)| !rule.contains("webhook") && !rule.starts_with("azure")) {
        let token = build(recipe);
        for text in [format!("x{token}"), format!("_{token}")] {
            assert_eq!(scan(&text), [], "{text}");
        }
    }
    for (rule, recipe) in TOKENS.iter().filter(|(rule, _)| !rule.contains("json")) {
        let token = build(recipe);
        let short = &token[..token.len().min(14)];
        assert_eq!(scan(short), [], "{rule}");
        let literal = FORMATS.iter().find(|format| token.contains(format.literal)).unwrap().literal;
        let body = token.len() - literal.len();
        for filler in ["x", "X", "*", "0", ".", "ab1", "EXAMPLE", "your_key_"] {
            let text = format!("{literal}{}", &filler.repeat(body)[..body]);
            assert_eq!(scan(&text), [], "{text}");
        }
    }
}

#[test]
fn urls_keep_their_start() {
    let token = build("digit:10 ':AA' alnum:33");
    assert_eq!(scan(&format!("https://api.telegram.org/bot{token}/getMe"))[0].1, token);
    let hook = build("'hooks.slack.com/services/T' base32:8 '/B' base32:8 '/' alnum:24");
    assert_eq!(scan(&format!("https://{hook}/"))[0].1, hook);
}

fn pem(label: &str, body: &str) -> String {
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----")
}

#[test]
fn private_keys_are_taken_from_begin_to_end() {
    let line = scramble(ALNUM, 64);
    let body = format!("{line}\n{line}\n{line}==");
    for label in [
        "PRIVATE KEY",
        "RSA PRIVATE KEY",
        "EC PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
    ] {
        let key = pem(label, &body);
        assert_eq!(scan(&format!("a {key} b")), [("secret:private-key".to_owned(), key.clone())], "{label}");
        // Two in a row are two, and a block cut off by the next BEGIN is taken as far as it goes.
        assert_eq!(scan(&format!("{key}\n{key}")).len(), 2);
        let open = format!("-----BEGIN {label}-----\n{body}");
        assert_eq!(
            scan(&format!("{open}\n{key}")),
            [("secret:private-key".to_owned(), open.clone()), ("secret:private-key".to_owned(), key)]
        );
        assert_eq!(scan(&open), [("secret:private-key".to_owned(), open)]);
    }
    // The END of another block closes nothing.
    let open = format!("-----BEGIN PRIVATE KEY-----\n{body}");
    assert_eq!(scan(&format!("{open}\n-----END RSA PRIVATE KEY-----")), [("secret:private-key".to_owned(), open)]);
    let headers = format!("Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0011\n\n{body}");
    assert_eq!(scan(&pem("RSA PRIVATE KEY", &headers)).len(), 1);
    let json = pem("PRIVATE KEY", &body).replace('\n', "\\n");
    assert_eq!(scan(&format!("\"{json}\"")), [("secret:private-key".to_owned(), json)]);
}

#[test]
fn other_blocks_and_templates_are_no_private_keys() {
    let line = scramble(ALNUM, 64);
    for text in [
        pem("PUBLIC KEY", &line),
        pem("CERTIFICATE", &line),
        pem("RSA PUBLIC KEY", &line),
        pem("PRIVATE KEY", "..."),
        pem("PRIVATE KEY", ""),
        pem("PRIVATE KEY", "<your key here, as the console showed it to you when you made it>"),
        pem("PRIVATE KEY", "{{ the key that was generated for this deployment by the operator }}"),
        format!("-----BEGIN PRIVATE KEY-----\n{line}\n-----END RSA PRIVATE KEY-----").replace(&line, "abc"),
        "-----BEGIN PRIVATE KEY-----".to_owned(),
        "-----BEGIN PRIVATE KEY----- is the first line of such a file and then come the others one by one".to_owned(),
        "-----END PRIVATE KEY-----".to_owned(),
        "-----begin private key-----\nabc".to_owned(),
        "-----BEGIN -----END -----BEGIN".to_owned(),
    ] {
        assert_eq!(scan(&text), [], "{text}");
    }
}

#[rustfmt::skip]
const FOUND: &[(&str, &str)] = &[
    (r#"password = "hunter2""#,
       "            ^^^^^^^"),
    ("password='Tr0ub4dor&3'",
     "          ^^^^^^^^^^^"),
    ("password: Tr0ub4dor&3",
     "          ^^^^^^^^^^^"),
    ("PASSWORD=Tr0ub4dor&3",
     "         ^^^^^^^^^^^"),
    (r#"db_password: "s3same!""#,
       "              ^^^^^^^"),
    (r#""password": "hunter2""#,
       "             ^^^^^^^"),
    (r#"{"password":"hunter2"}"#,
       "             ^^^^^^^"),
    (r#"{\"password\":\"hunter2\"}"#,
       "                ^^^^^^^"),
    ("passwd = 'letmein77'",
     "          ^^^^^^^^^"),
    ("pwd=Summer2024!;",
     "    ^^^^^^^^^^^"),
    ("my password is Tr0ub4dor&3",
     "               ^^^^^^^^^^^"),
    ("The password is: Summer2024!.",
     "                 ^^^^^^^^^^^"),
    ("Passwort: Sommer2024!",
     "          ^^^^^^^^^^^"),
    (r#"passphrase := "q7Xz-1v9Lm""#,
       "               ^^^^^^^^^^"),
    ("password => 'hunter2'",
     "             ^^^^^^^"),
    (r#"user.password == "hunter2""#,
       "                  ^^^^^^^"),
    ("password = `hunter2`",
     "            ^^^^^^^"),
    (r#"os.environ["DB_PASSWORD"] = "Summer2024!""#,
       "                             ^^^^^^^^^^^"),
    ("--password=Summer2024!",
     "           ^^^^^^^^^^^"),
    (r#"export PASSWORD="Summer2024!""#,
       "                 ^^^^^^^^^^^"),
    ("Server=x;Pwd=Summer2024!;",
     "             ^^^^^^^^^^^"),
    ("password:zaq12wsx next",
     "         ^^^^^^^^"),
    (r#"api_key = "q7Xz1v9Lm3Kd8Wp2""#,
       "           ^^^^^^^^^^^^^^^^"),
    ("apikey: q7Xz1v9Lm3Kd8Wp2Rt5Y",
     "        ^^^^^^^^^^^^^^^^^^^^"),
    ("API_KEY=9f86d081884c7d659a2feaa0c55ad015",
     "        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("api-key: '9f86d081884c7d659a2feaa0c55ad015'",
     "          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("x-api-key: 9f86d081884c7d659a2feaa0c55ad015",
     "           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("aws_secret_access_key = wJalr7UtnFEMI/K7MDENG+bPxRfiCYzQ3kLmNoPq",
     "                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
    (r#"client_secret: "q7Xz1v9Lm3Kd8Wp2""#,
       "                ^^^^^^^^^^^^^^^^"),
    ("secret = 'q7Xz1v9Lm3Kd8Wp2'",
     "          ^^^^^^^^^^^^^^^^"),
    ("auth_token=q7Xz1v9Lm3Kd8Wp2Rt5Y",
     "           ^^^^^^^^^^^^^^^^^^^^"),
    ("accessToken: 'q7Xz1v9Lm3Kd8Wp2Rt5Y'",
     "              ^^^^^^^^^^^^^^^^^^^^"),
    (r#"token: "550e8400-e29b-41d4-a716-446655440000""#,
       "        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("Authorization: Bearer q7Xz1v9Lm3Kd8Wp2Rt5Y",
     "                      ^^^^^^^^^^^^^^^^^^^^"),
    ("authorization: bearer q7Xz1v9Lm3Kd8Wp2Rt5Y.a-b",
     "                      ^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("-H 'Authorization: Bearer q7Xz1v9Lm3Kd8Wp2Rt5Y'",
     "                          ^^^^^^^^^^^^^^^^^^^^"),
    ("SECRET_KEY = 'x3)k9$w2q!z7v5m1n8b4'",
     "              ^^^^^^^^^^^^^^^^^^^^"),
    (r#"secretAccessKey = "q7Xz1v9Lm3Kd8Wp2Rt5Y""#,
       "                   ^^^^^^^^^^^^^^^^^^^^"),
    ("密码 password=Summer2024!",
     "            ^^^^^^^^^^^"),
    ("encryption_key=9f86d081884c7d659a2feaa0c55ad015",
     "               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
];

#[rustfmt::skip]
const NOT_FOUND: &[&str] = &[
    "",
    "password",
    "password:",
    "password =",
    r#"password = """#,
    "password = ''",
    "password = x",
    "password = None",
    "password = null",
    "password: string",
    "password: String,",
    "password = password",
    r#"password = "password""#,
    "password = 'Password1'",
    "password=changeme",
    r#"password = "changeme1""#,
    "password = <password>",
    "password = ${PASSWORD}",
    r#"password = "${DB_PASSWORD}""#,
    "password = $PASSWORD1",
    r#"password="{{ db_password_1 }}""#,
    r#"password = os.getenv("DB_PASSWORD1")"#,
    "password = getpass()",
    "password = config.db.password1",
    "password = self.password1",
    "password = args[1]",
    "password = get_password1(x)",
    "password = request.form['password1']",
    "password=********",
    r#"password = "********""#,
    "password: xxxxxxxx1",
    "password: your_password1",
    "password: <REDACTED>",
    "password: <SECRET>",
    "password=<SECRET:abcdefghijklmnop>",
    r#"password = "<REDACTED>""#,
    r#"password = "<SECRET>""#,
    r#"password_hash = "9f86d081884c7d659a2f""#,
    "password_file = /etc/pass1",
    "password_field: 'Input1234'",
    r#"PasswordPolicy = "Strict12""#,
    "password is required",
    "The password is wrong.",
    "Your password is too short (8)",
    "password is not hunter2",
    "Forgot your password? Reset it",
    "Password: at least 8 characters",
    "enter your password: ",
    "password for user1",
    "passwords: 12345",
    "if password == other:",
    r#"password != "x""#,
    "passwd:x:1000:1000",
    r#"password "hunter2""#,
    r#"password = "two words 1""#,
    "password=é1é2é3é4",
    "password = /var/run/secret1",
    r#"password = "https://example.com/a1""#,
    "clienttoken : super::super::Win32::Foundation1::HANDLE",
    "password: &windows_core2::BSTR1",
    "secret => \"CLIENT_TRAFFIC_SECRET_0\"",
    "private_key: x25519_generate_private_key,",
    "token",
    "token = tokens[0]",
    "token = tokenizer.encode(x)",
    "token = next(tokens1)",
    "tokens = 4096",
    "max_tokens: 4096",
    "num_tokens=1234567890123456",
    "token_count = 1234567890123456",
    "tokenizer: 'bert-base-uncased-v2-large'",
    r#"token: "the""#,
    r#"token = "<|endoftext|>""#,
    "token_type_ids = [0, 1]",
    r#""token": "Ġhello""#,
    r#"token: str = "abc""#,
    "secret",
    "secret sauce",
    "The secret is out",
    "secret = get_secret('a1')",
    "secretary: 'jane12'",
    r#"secret_name = "prod/db/password1234""#,
    "secretName: my-secret-name-1234",
    "secret: my_secret_value_number",
    "api_key",
    "api_key = None",
    "api_key: YOUR_API_KEY",
    r#"api_key = "your_api_key_12345678""#,
    r#"api_key="xxxxxxxxxxxxxxxx1234""#,
    "api_key = settings.API_KEY_2",
    r#"api_key = "<api_key_123456>""#,
    "api_key = 'abcdefgh12345678'",
    r#"api_key = "1234567890123456""#,
    r#"api_key: "AKIAIOSFODNN7EXAMPLE""#,
    r#"apikey = "short1""#,
    r#"access_key = "only-letters-and-dashes""#,
    "private_key = load_key(path1)",
    r#"private_key_path = "/etc/ssl/key1.pem""#,
    "credentials = Credentials(user1)",
    "credentials: include",
    "Bearer token",
    "bearer of bad news",
    "Bearer <token>",
    "Bearer ${TOKEN}",
    "Bearer $TOKEN1234567890123456",
    "Authorization: Bearer YOUR_TOKEN_HERE_1234567890",
    "cupbearer q7Xz1v9Lm3Kd8Wp2Rt5Y",
    "a task-1234567890 and a desk",
    "risk-free",
    "sk-",
    "ghp_",
    "hf_",
    "AKIA",
    "eyJ",
    "eyJ.eyJ.x",
    "eyJhbGciOiJIUzI1NiJ9",
    "eyJhbGciOiJIUzI1NiJ9.x.y",
    "eyJmb28iOiJiYXIifQ.eyJzdWIiOiIxIn0.c2ln",
    "data:image/png;base64,eyJhbGci",
    "<SECRET>",
    "hf_hub_download",
    "npm_config_registry",
    "sk_live_",
    "SG.com",
    "SKU 12345",
    "dapi",
    "key-value",
    "key-0123456789",
    "AccountKey=",
    "AccountKey=<key>",
    "AIzaSyExample",
    "xoxb-your-token-here-please",
    "glpat-XXXXXXXXXXXXXXXXXXXX",
    "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
    "12345678:AA",
    "12:AAbc",
];

#[test]
fn assigned_values_are_found() {
    pictures(&Secret, FOUND);
}

#[test]
fn code_prose_and_templates_are_not() {
    silent(&Secret, NOT_FOUND);
}

proptest::proptest! {
    #![proptest_config(crate::tests::seeded(1000))]

    /// The decoder of a token's header against one that moves bit by bit.
    #[test]
    fn the_header_of_a_web_token_is_decoded(object in r#"\{"(alg|typ|kid)":"[A-Za-z0-9]{1,12}"\}"#) {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".as_bytes();
        let bits: Vec<u8> = object.bytes().flat_map(|byte| (0..8).rev().map(move |bit| (byte >> bit) & 1)).collect();
        let header: String = bits
            .chunks(6)
            .map(|chunk| chunk.iter().chain(&[0; 6]).take(6).fold(0, |value, bit| 2 * value + usize::from(*bit)))
            .map(|sextet| char::from(alphabet[sextet]))
            .collect();
        let text = format!("{header}.eyJzdWIiOiIxIn0.c2ln");
        proptest::prop_assert_eq!(!scan(&text).is_empty(), object.contains("\"alg\""));
    }
}
