//! The committed schema describes exactly the reports that are written.

use serde_json::Value;

use super::fixture::{Run, adaptive, banded, once_each, plan};
use crate::{Edition, SCHEMA, assemble};

/// As much of JSON Schema as the committed one uses; any other keyword is an error, so that nothing goes unchecked.
fn validate(root: &Value, schema: &Value, value: &Value, path: &str) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.strip_prefix('#').unwrap()).ok_or(format!("{reference} is nowhere"))?;
        return validate(root, target, value, path);
    }
    let fail = |why: &str| Err(format!("{path}: {value} {why}"));
    for (keyword, wanted) in schema.as_object().unwrap() {
        let holds = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "properties" | "items" | "additionalProperties" => true,
            "type" => match wanted {
                Value::Array(types) => types.iter().any(|wanted| is(value, wanted.as_str().unwrap())),
                wanted => is(value, wanted.as_str().unwrap()),
            },
            "const" => value == wanted,
            "enum" => wanted.as_array().unwrap().contains(value),
            "minimum" => value.as_f64().is_none_or(|number| number >= wanted.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= wanted.as_f64().unwrap()),
            "exclusiveMinimum" => value.as_f64().is_none_or(|number| number > wanted.as_f64().unwrap()),
            "exclusiveMaximum" => value.as_f64().is_none_or(|number| number < wanted.as_f64().unwrap()),
            "required" => wanted.as_array().unwrap().iter().all(|key| value.get(key.as_str().unwrap()).is_some()),
            "oneOf" => {
                wanted.as_array().unwrap().iter().filter(|one| validate(root, one, value, path).is_ok()).count() == 1
            }
            "pattern" => pattern(wanted.as_str().unwrap(), value.as_str().unwrap_or_default()),
            other => return Err(format!("{path}: the test does not know the keyword {other}")),
        };
        if !holds {
            return fail(&format!("breaks {keyword}: {wanted}"));
        }
    }
    let described = schema.get("properties").is_some() || schema.get("additionalProperties").is_some();
    if let Some(members) = value.as_object().filter(|_| described) {
        for (key, member) in members {
            let inner =
                schema["properties"].get(key).or(schema.get("additionalProperties").filter(|one| one.is_object()));
            let Some(inner) = inner else { return fail(&format!("has {key}, which the schema does not")) };
            validate(root, inner, member, &format!("{path}/{key}"))?;
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        validate(root, &schema["items"], item, &format!("{path}/{index}"))?;
    }
    Ok(())
}

fn is(value: &Value, wanted: &str) -> bool {
    match wanted {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type {other}"),
    }
}

/// The two patterns of the schema.
fn pattern(pattern: &str, text: &str) -> bool {
    let hex = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
    match pattern {
        "^0x[0-9a-f]+$" => text.strip_prefix("0x").is_some_and(hex),
        "^[0-9a-f]{64}$" => text.len() == 64 && hex(text),
        other => panic!("the test does not know the pattern {other}"),
    }
}

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

fn reports() -> Vec<Value> {
    let (full, mut bare) = (Run::finished(), plan());
    bare["privacy"]["target_epsilon"] = Value::Null;
    bare["stages"] = serde_json::json!([{ "name": "dedup-near", "stability": null }]);
    let bare = Run::of(bare, &once_each(3));
    bare.remove("private");
    bare.remove("public/evaluation.json");
    let mut limited = plan();
    limited["data"]["owner_limit"] = serde_json::json!({ "column": "author", "records": 4 });
    let stage = serde_json::json!({ "name": "scrub", "stability": 1, "unit": "row", "proof": "-" });
    let limited = Run::of(limited, &once_each(3));
    limited.removal(&stage, Some(4));
    let moving = Run::of(adaptive(plan(), 0.5), &once_each(3));
    let turns = Run::of(banded(plan(), 4), &once_each(9));
    moving.remove("private");
    moving.receipt("b1", 0.5);
    let of = |run: &Run, edition| serde_json::to_value(assemble(run.root(), edition).unwrap()).unwrap();
    [
        (&full, Edition::Public),
        (&full, Edition::Private),
        (&bare, Edition::Public),
        (&bare, Edition::Private),
        (&moving, Edition::Public),
        (&limited, Edition::Private),
        (&turns, Edition::Public),
    ]
    .map(|(run, edition)| of(run, edition))
    .to_vec()
}

#[test]
fn reports_are_what_the_schema_says() {
    let schema = schema();
    for report in reports() {
        validate(&schema, &schema, &report, "").unwrap();
    }
}

/// Every member of every object is required and no other is allowed, so a report has exactly the schema's keys.
#[test]
fn every_object_of_the_schema_is_closed() {
    fn walk(value: &Value, path: &str) {
        if let Some(properties) = value["properties"].as_object().filter(|_| value["type"] == "object") {
            let keys: Vec<&str> = properties.keys().map(String::as_str).collect();
            let required: Vec<&str> =
                value["required"].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
            assert_eq!(keys, required, "{path}");
            assert_eq!(value["additionalProperties"], false, "{path}");
        }
        for (key, member) in value.as_object().into_iter().flatten() {
            walk(member, &format!("{path}/{key}"));
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            walk(item, &format!("{path}/{index}"));
        }
    }
    walk(&schema(), "");
}

#[test]
fn a_changed_report_does_not_fit() {
    let schema = schema();
    let report = reports().swap_remove(1);
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut report = report.clone();
        change(&mut report);
        validate(&schema, &schema, &report, "").is_err()
    };
    assert!(changed(&|report| report["guarantee"]["epsilon"] = Value::Null));
    assert!(changed(&|report| report["guarantee"]["delta"] = 1.5.into()));
    assert!(changed(&|report| report["units"] = 5.into()));
    assert!(changed(&|report| report["corpus"]["value"]["people"] = 5.into()));
    assert!(changed(&|report| report["corpus"]["status"] = "absent".into()));
    assert!(changed(&|report| drop(report.as_object_mut().unwrap().remove("assumptions"))));
    assert!(changed(&|report| report["assumptions"][0]["basis"] = "hoped".into()));
}

#[test]
fn reports_can_be_read_back() {
    for edition in [Edition::Public, Edition::Private] {
        let report = assemble(Run::finished().root(), edition).unwrap();
        assert_eq!(serde_json::from_str::<crate::Report>(&crate::json(&report)).unwrap(), report);
    }
}
