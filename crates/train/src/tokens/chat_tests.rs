//! Templates that are missing, broken, endless, or refuse. What they render is compared in `encode_tests`.

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn hello() -> [Message; 1] {
    [Message { role: "user".to_owned(), content: "hello".to_owned() }]
}

fn render(source: &str) -> Option<String> {
    Template::new(source, Vec::new()).unwrap().render(&hello(), false)
}

#[test]
fn a_folder_may_have_a_template_in_three_places_or_none() {
    let open = |files: &[(&str, &str)]| {
        let folder = folder(files);
        Template::open(folder.path()).unwrap().map(|template| template.render(&hello(), false).unwrap())
    };
    assert_eq!(open(&[]), None);
    assert_eq!(open(&[(TOKENIZER_CONFIG, "{}")]), None);
    let one = (TOKENIZER_CONFIG, r#"{"chat_template": "one {{ eos_token }}", "eos_token": "E"}"#);
    assert_eq!(open(&[one]).as_deref(), Some("one E"));
    let list = r#"{"chat_template": [{"name": "tools", "template": "t"}, {"name": "default", "template": "d"}]}"#;
    assert_eq!(open(&[(TOKENIZER_CONFIG, list)]).as_deref(), Some("d"));
    assert_eq!(open(&[one, (TEMPLATE_FILE, "file {{ eos_token }}")]).as_deref(), Some("file E"));
}

#[test]
fn what_is_no_template_is_refused_with_its_place() {
    for (name, text) in [(TEMPLATE_FILE, "a\n{% if %}"), (TOKENIZER_CONFIG, "{"), (TEMPLATE_FILE, "{% include 'x' %}")]
    {
        let folder = folder(&[(name, text)]);
        let error = Template::open(folder.path()).err().unwrap();
        assert!(matches!(&error, Error::ChatTemplate { path, .. } if path.ends_with(name)), "{error}");
        if text.starts_with('a') {
            assert!(error.to_string().contains("line 2"), "{error}");
        }
    }
}

#[test]
fn a_template_can_neither_run_for_ever_nor_reach_out() {
    assert_eq!(render("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"), None);
    assert_eq!(render("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"), None);
    assert!(Template::new("{% include '/etc/hostname' %}", Vec::new()).is_err());
    assert_eq!(render("{{ raise_exception('no ' + messages[0].content) }}"), None);
    assert_eq!(render("{% if strftime_now is defined %}now{% else %}never{% endif %}").as_deref(), Some("never"));
}

#[test]
fn json_and_undefined_names_are_as_in_python() {
    assert_eq!(render("{{ messages[0] | tojson }}").as_deref(), Some(r#"{"role":"user","content":"hello"}"#));
    assert_eq!(render("a{{ nothing }}{% if tools is none %}b{% endif %}").as_deref(), Some("ab"));
    assert_eq!(render("{{ '<&>' }}").as_deref(), Some("<&>"));
}
