//! The JSON Schema of a document, which is a type: for the tests that hold `docs/json` equal. Main function: [`of`].

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The schema of what is written, as it is published.
pub(crate) fn of<T: JsonSchema>(title: &str) -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    tidy(&mut schema);
    schema["title"] = title.into();
    format!("{schema:#}\n")
}

/// What may be absent is never null. Formats of Rust's integers are nothing to other validators.
fn tidy(schema: &mut Value) {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for (key, property) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
        if !required.contains(&Value::from(key.as_str())) {
            not_null(property);
        }
    }
    match schema {
        Value::Object(all) => {
            all.retain(|key, value| key != "format" || value == "date-time");
            all.values_mut().for_each(tidy);
        }
        Value::Array(all) => all.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn not_null(property: &mut Value) {
    let Some(property) = property.as_object_mut() else { return };
    for (key, null) in [("type", "null".into()), ("anyOf", serde_json::json!({"type": "null"}))] {
        let Some(left) = property.get_mut(key).and_then(Value::as_array_mut) else { continue };
        left.retain(|one| *one != null);
        let [one] = left.as_slice() else { continue };
        match one.clone() {
            Value::Object(one) => {
                property.shift_remove(key);
                one.into_iter().for_each(|(key, value)| drop(property.insert(key, value)));
            }
            one => drop(property.insert(key.to_owned(), one)),
        }
    }
}
