//! One hash over the rules that count at a site.
//!
//! Records of other sites are left out, because an edge does not have them; rosters too, because they are facts about
//! people like punches.

use serde_json::Value;
use shared_model::SiteId;
use shared_model::entity::{Entity, ScopeKind};
use uuid::Uuid;

use super::Sources;
use crate::ENGINE_VERSION;
use crate::civil::ZONE_DATA;
use crate::input::Keyed;

pub(super) fn of(sources: &Sources<'_>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"muster rulebook v1");
    hasher.update(&ENGINE_VERSION.to_le_bytes());
    text(&mut hasher, ZONE_DATA);
    hasher.update(sources.site.uuid().as_bytes());
    let zones = serde_json::to_value(sources.zones).unwrap_or_default();
    value(&mut hasher, &zones);
    record(&mut hasher, sources.company);
    let here = |site: Option<SiteId>| site.is_none_or(|site| site == sources.site);
    records(&mut hasher, sources.shifts, |_| true);
    records(&mut hasher, sources.policies, |policy| match policy.scope_kind {
        ScopeKind::Company | ScopeKind::Employee => true,
        ScopeKind::Site => here(policy.scope.map(SiteId::from_uuid)),
        ScopeKind::Department => {
            let mut all = sources.departments.iter();
            all.any(|(id, department)| Some(id.uuid()) == policy.scope && here(department.site))
        }
    });
    records(&mut hasher, sources.holidays, |holiday| here(holiday.site));
    records(&mut hasher, sources.pay_periods, |period| here(period.site));
    records(&mut hasher, sources.company_rules, |rule| rule.active);
    *hasher.finalize().as_bytes()
}

fn records<E: Entity>(hasher: &mut blake3::Hasher, list: &[Keyed<E>], counts: impl Fn(&E) -> bool) {
    let counted = list.iter().filter(|(_, entity)| counts(entity));
    let mut sorted: Vec<(Uuid, &E)> = counted.map(|(id, entity)| ((*id).into(), entity)).collect();
    sorted.sort_by_key(|(key, _)| *key);
    hasher.update(&E::KIND.number().to_le_bytes());
    hasher.update(&sorted.len().to_le_bytes());
    for (key, entity) in sorted {
        hasher.update(key.as_bytes());
        record(hasher, entity);
    }
}

fn record<E: Entity>(hasher: &mut blake3::Hasher, entity: &E) {
    for (tag, field) in entity.to_fields() {
        hasher.update(&tag.0.to_le_bytes());
        value(hasher, &field);
    }
    hasher.update(b";");
}

/// Hashes JSON so that the order of an object's members does not matter: databases keep their own.
fn value(hasher: &mut blake3::Hasher, json: &Value) {
    match json {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            hasher.update(b"{");
            for (name, member) in members {
                text(hasher, name);
                value(hasher, member);
            }
            hasher.update(b"}");
        }
        Value::Array(items) => {
            hasher.update(b"[");
            items.iter().for_each(|item| value(hasher, item));
            hasher.update(b"]");
        }
        Value::String(string) => {
            hasher.update(b"s");
            text(hasher, string);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => text(hasher, &json.to_string()),
    }
}

fn text(hasher: &mut blake3::Hasher, text: &str) {
    hasher.update(&text.len().to_le_bytes());
    hasher.update(text.as_bytes());
}
