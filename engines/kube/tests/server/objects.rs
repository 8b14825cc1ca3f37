//! The objects of the fake, and Kubernetes' rules for them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::http::Request;

/// An answer: a code and a body.
pub(crate) type Reply = (u16, Value);

/// All leases of one namespace.
#[derive(Default)]
pub(crate) struct Objects {
    /// By their names.
    pub(crate) all: BTreeMap<String, Value>,
    /// What has happened, each with its version.
    pub(crate) events: Vec<(u64, Value)>,
    /// One number for all that is written.
    version: u64,
    uids: u64,
}

impl Objects {
    /// What of a list or a watch these are asked for.
    pub(crate) fn is_chosen(object: &Value, request: &Request) -> bool {
        let named = request.query.get("fieldSelector").is_none_or(|selector| {
            let name = selector.strip_prefix("metadata.name=");
            name.expect("no other selector") == text(object, "/metadata/name")
        });
        let labelled = request.query.get("labelSelector").is_none_or(|label| {
            let labels = object.pointer("/metadata/labels");
            labels.is_some_and(|labels| labels.get(label).is_some())
        });
        named && labelled
    }

    pub(crate) fn list(&self, request: &Request) -> Reply {
        let chosen = |object: &&Value| Self::is_chosen(object, request);
        let items: Vec<_> = self.all.values().filter(chosen).collect();
        let body = json!({
            "kind": "LeaseList", "apiVersion": "coordination.k8s.io/v1",
            "metadata": {"resourceVersion": self.version.to_string()}, "items": items,
        });
        (200, body)
    }

    pub(crate) fn get(&self, name: &str) -> Reply {
        match self.all.get(name) {
            Some(object) => (200, object.clone()),
            None => no(404, "NotFound", name),
        }
    }

    pub(crate) fn create(&mut self, mut object: Value) -> Reply {
        let name = text(&object, "/metadata/name");
        if self.all.contains_key(&name) {
            return no(409, "AlreadyExists", &name);
        }
        if let Err(reason) = check(&object) {
            return no(422, "Invalid", &reason);
        }
        self.uids += 1;
        object["metadata"]["uid"] = json!(format!("uid-{}", self.uids));
        (201, self.store("ADDED", object))
    }

    /// As for all leases, it creates what is not there, unless it has a uid.
    pub(crate) fn replace(&mut self, name: &str, mut object: Value) -> Reply {
        let uid = text(&object, "/metadata/uid");
        let version = text(&object, "/metadata/resourceVersion");
        let Some(present) = self.all.get(name) else {
            return match uid.is_empty() {
                true => self.create(object),
                false => no(409, "Conflict", "the uid in the precondition"),
            };
        };
        if version.is_empty() {
            return no(422, "Invalid", "resourceVersion must be specified");
        }
        if !uid.is_empty() && uid != text(present, "/metadata/uid")
            || version != text(present, "/metadata/resourceVersion")
        {
            return no(409, "Conflict", "the object has been modified");
        }
        if let Err(reason) = check(&object) {
            return no(422, "Invalid", &reason);
        }
        if object == *present {
            return (200, object);
        }
        object["metadata"]["uid"] = present["metadata"]["uid"].clone();
        (200, self.store("MODIFIED", object))
    }

    pub(crate) fn delete(&mut self, name: &str, options: &Value) -> Reply {
        let Some(present) = self.all.get(name) else {
            return no(404, "NotFound", name);
        };
        for what in ["uid", "resourceVersion"] {
            let wanted = text(options, &format!("/preconditions/{what}"));
            if !wanted.is_empty() && wanted != text(present, &format!("/metadata/{what}")) {
                return no(409, "Conflict", what);
            }
        }
        let gone = self.all.remove(name).expect("it is there");
        self.version += 1;
        let event = json!({"type": "DELETED", "object": gone});
        self.events.push((self.version, event));
        (200, json!({"kind": "Status", "status": "Success"}))
    }

    fn store(&mut self, what: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let event = json!({"type": what, "object": object});
        self.events.push((self.version, event));
        self.all
            .insert(text(&object, "/metadata/name"), object.clone());
        object
    }
}

/// What Kubernetes takes.
fn check(object: &Value) -> Result<(), String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_label = |label: &str| {
        label.bytes().all(|byte| is_plain(byte) || byte == b'-')
            && label.bytes().next().is_some_and(is_plain)
            && label.bytes().last().is_some_and(is_plain)
    };
    let name = text(object, "/metadata/name");
    if name.len() > 253 || !name.split('.').all(is_label) {
        return Err(format!("metadata.name `{name}`"));
    }
    let labels = object
        .pointer("/metadata/labels")
        .and_then(Value::as_object);
    for label in labels.into_iter().flat_map(|labels| labels.keys()) {
        let name = label.split_once('/').map_or(&**label, |(_, name)| name);
        if name.len() > 63 || !is_label(name) {
            return Err(format!("metadata.labels `{label}`"));
        }
    }
    let number = |what| object.pointer(what).map_or(Some(1), Value::as_i64);
    let is_number = |what, least: i64| {
        number(what).is_some_and(|number| number >= least && number <= i32::MAX.into())
    };
    match is_number("/spec/leaseDurationSeconds", 1) && is_number("/spec/leaseTransitions", 0) {
        true => Ok(()),
        false => Err(object["spec"].to_string()),
    }
}

pub(crate) fn no(code: u16, reason: &str, message: &str) -> Reply {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": code, "reason": reason, "message": message,
    });
    (code, body)
}

/// What stands there, or nothing.
pub(crate) fn text(value: &Value, at: &str) -> String {
    let found = value.pointer(at).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}
