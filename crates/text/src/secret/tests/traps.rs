//! What looks random and is no secret, and keys that are announced by little.

use super::*;

#[rustfmt::skip]
const FOUND: &[(&str, &str)] = &[
    ("ALGOLIA_ADMIN_KEY=q7Xz1v9Lm3Kd8Wp2Rt5Y",
     "                  ^^^^^^^^^^^^^^^^^^^^"),
    ("'masterKey': '9f86d081884c7d659a2feaa0c55ad015'",
     "              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"),
    ("key = \"q7Xz1v9Lm3Kd8Wp2Rt5Y\"",
     "       ^^^^^^^^^^^^^^^^^^^^"),
    ("My api key is q7Xz1v9Lm3Kd8Wp2Rt5Y.",
     "              ^^^^^^^^^^^^^^^^^^^^"),
    ("the token is: q7Xz1v9Lm3Kd8Wp2Rt5Y",
     "              ^^^^^^^^^^^^^^^^^^^^"),
    ("<add key=\"ApiSecret\" value=\"q7Xz1v9Lm3Kd8Wp2Rt5Y\" />",
     "                            ^^^^^^^^^^^^^^^^^^^^"),
    ("client.set_api_key('q7Xz1v9Lm3Kd8Wp2Rt5Y')",
     "                    ^^^^^^^^^^^^^^^^^^^^"),
    ("run --api-token q7Xz1v9Lm3Kd8Wp2Rt5Y --all",
     "                ^^^^^^^^^^^^^^^^^^^^"),
    ("run --password Summer2024! --all",
     "               ^^^^^^^^^^^"),
    ("Api Key: q7Xz1v9Lm3Kd8Wp2",
     "         ^^^^^^^^^^^^^^^^"),
];

#[rustfmt::skip]
const NOT_FOUND: &[&str] = &[
    "key = 9f86d081884c7d659a2feaa0c55ad015",
    "\"key\": \"9f86d081884c7d659a2feaa0c55ad015\"",
    "cache_key: q7Xz1v9Lm3Kd8Wp2Rt5Y",
    "publicKey = \"q7Xz1v9Lm3Kd8Wp2Rt5Y\"",
    "public_key: ssh-rsa q7Xz1v9Lm3Kd8Wp2Rt5Y",
    "monkey = q7Xz1v9Lm3Kd8Wp2Rt5Y",
    "key = images/2024/q7Xz1v9Lm3Kd.png",
    "keys = q7Xz1v9Lm3Kd8Wp2Rt5Y",
    "key_id = q7Xz1v9Lm3Kd8Wp2Rt5Y",
    "key: some_function_name_v2_final",
    "key = the-name-of-an-item-2024-01",
    "sort_key=q7Xz1v9Lm3Kd8Wp2Rt5Y",
    "The key is under the mat, number 12345678901234567890",
    "get_secret(\"prod-db-credentials-2024-06\")",
    "getToken('settings.auth.tokens.2')",
    "set_password(\"Summer2024!\")",
    "--token-file tokens2024 --password-stdin x1",
    "run --api-token --verbose-level-2-of-the-log",
    "a token q7Xz1v9Lm3Kd8Wp2Rt5Y",
    "<input type=\"password\" name=\"password1\" placeholder=\"Secret12\" value=\"\">",
    "token is required, see section 4.2.1 of the document",
    "class=\"sk-circle sk-fading-circle sk-cube-grid sk-child12\"",
    ".sk-chasing-dots { width: 40px; height: 40px }",
    "sk-estimator-doc-link sk-toggleable__label-arrow:before",
    "password = os.getenv(\"DB_PASSWORD_1\")",
    "password = os.environ['DB_PASSWORD_1']",
    "password: process.env.DB_PASSWORD_1",
    "<label for=\"password1\">Password:</label><input type=\"password\" name=\"password1\">",
    "<password>Password123</password >",
    "<token>${token.value.1}</token>",
    "Authorization: Basic <base64(user:password)>",
    "Authorization: Basic realm=\"Access to the staging site 1\"",
    "Authorization: token YOUR_GITHUB_TOKEN_123456",
    "authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request",
    "curl -u \"$USER1:$PASSWORD1\" https://example.org",
    "curl -u user:password https://example.org",
    "curl -u username:<password> https://example.org",
    "curl https://example.org -o file1:name2x",
    "Set-Cookie: session=deleted; path=/; expires=Thu, 01-Jan-1970 00:00:01 GMT",
    "cookie: theme=dark; lang=en-GB; consent=accepted-2024",
    "AKIAIOSFODNN7EXAMPLE, wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "machine learning login page password reset2",
    "datadog agent = version_7_50_3_jmx_release_candidate",
    "heroku app id is 7f3b9c2e-41d8-4a6f-9b05-d2e8c7163fa4",
    "sdk-version-1.2.3 api-gateway mob-programming",
    "live_stream_url live_in_the_moment_and_be_happy_2024x",
    "https://hooks.zapier.com/hooks/catch/123456/abcdefgh/",
    "https://hooks.slack.com/services/YOUR/WEBHOOK/URL",
    "otpauth://totp/Example:alice@example.org?secret=JBSWY3DPEHPK3PXPEXAMPLE",
    "$2b$12$ is the prefix, then 22 characters of salt",
    "price is $6$ and $1$ more, sum $5$ in all",
    "the SecureString class; ConvertTo-SecureString $password -AsPlainText -Force",
    "\"auth\": \"oauth2-authorization-code\"",
    "sha256~abc sha256:9f86d081884c7d659a2feaa0c55ad0159f86d081884c7d659a2feaa0c55ad015",
    "secret_santa_gift_exchange_2024 secret-garden-1",
    "precio123 ricioABCDEFGHIJKLMNOPQRSTUVWXYZ012345",
    "EAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1",
];

#[test]
fn keys_announced_by_little_are_found() {
    pictures(&Secret, FOUND);
}

#[test]
fn what_is_random_and_public_is_left_alone() {
    silent(&Secret, NOT_FOUND);
    let hex = |length| scramble(LOWER_HEX, length);
    let base64 = |length| scramble(alphabet("b64"), length);
    for text in [
        format!("\"integrity\": \"sha512-{}==\",", base64(86)),
        format!("integrity sha1-{}=", base64(27)),
        format!("\"resolved\": \"https://registry.example.org/x/-/x-1.0.0.tgz#{}\"", hex(40)),
        format!("checksum = \"{}\"", hex(64)),
        format!("--hash=sha256:{}", hex(64)),
        format!("github.com/x/y v1.2.3 h1:{}=", base64(43)),
        format!("commit {}", hex(40)),
        format!("Merge: {} {}", hex(7), hex(7)),
        format!("<img src=\"data:image/png;base64,iVBORw0KGgo{}\">", base64(4000)),
        format!("@font-face{{src:url(data:font/woff2;base64,d09GMg{})}}", base64(2000)),
        format!("//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9u{}", base64(900)),
        format!("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ{} jo", base64(340)),
        format!("ETag: \"{}\"", hex(32)),
        "id: 7f3b9c2e-41d8-4a6f-9b05-d2e8c7163fa4".to_owned(),
        format!("!function(e,t){{\"use strict\";var n=\"{}\";return n}}", scramble(ALNUM, 60)),
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----", base64(64)),
        format!("-----BEGIN PGP SIGNATURE-----\n\n{}\n-----END PGP SIGNATURE-----", base64(64)),
        format!("0x{}", hex(64)),
        format!("docker.io/x@sha256:{}", hex(64)),
        format!("fingerprint SHA256:{}", base64(43)),
        format!("{}-us", hex(30)),
    ] {
        assert_eq!(scan(&text), [], "{text}");
    }
}
