//! The people of a company who may sign in at an edge, and their grants: written in the cloud, signed for one edge, good for
//! a lease (sync.md 2.10).
//!
//! ```text
//! signed:   muster-bundle-v1 LF ‖ the bundle's JSON as sent
//! ```
//!
//! The signing key is the company's; an edge learns its public half when it enrols and takes no other. Every change of people
//! or grants raises the epoch; a bundle with a lower epoch, or an older one of the same, is a replay.

use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use shared_model::access::Role;
use shared_model::{CompanyId, EdgeId, EmployeeId, UserId};

use super::{Grant, Standing};
use crate::limit;

/// What is put before the JSON when it is signed.
const CONTEXT: &[u8] = b"muster-bundle-v1\n";

/// A person who may sign in at an edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundlePerson {
    /// Who.
    pub id: UserId,
    /// The address under which the person signs in.
    pub email: String,
    /// What the person is called.
    pub name: String,
    /// The role in the company.
    pub role: Role,
    /// The password's argon2id form; `None` = no sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The employee that the person is, where he is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee: Option<EmployeeId>,
}

/// What a bundle says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// The company.
    pub company: CompanyId,
    /// The edge that it was made for.
    pub edge: EdgeId,
    /// Rises with every change of people or grants.
    pub epoch: u32,
    /// When it was made, by the cloud's time.
    pub issued_at: DateTime<Utc>,
    /// The people.
    pub people: Vec<BundlePerson>,
    /// What they may decide. Grants that were taken away are left out.
    pub grants: Vec<Grant>,
}

/// A bundle on its way, or as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBundle {
    /// The bundle's JSON, exactly as it was signed.
    pub bundle: String,
    /// 128 hexadecimal digits.
    pub signature: String,
}

/// A bundle that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBundle {
    /// Larger than [`limit::BUNDLE`].
    #[error("bundle of {0} bytes, at most {max} are taken", max = limit::BUNDLE)]
    TooLong(usize),
    /// Not signed by the company's key.
    #[error("the bundle is not signed by the key that was learnt at enrolment")]
    Signature,
    /// Signed, but not the JSON of a bundle.
    #[error("not a bundle: {0}")]
    Json(String),
    /// For another company or another edge.
    #[error("the bundle is for another edge")]
    Foreign,
    /// Older than the one that is kept.
    #[error("the bundle is older than the one that is kept")]
    Older,
}

impl Bundle {
    /// Until when people may decide and change things by a bundle issued at a time.
    #[must_use]
    pub fn decide_until(issued_at: DateTime<Utc>) -> DateTime<Utc> {
        issued_at + TimeDelta::days(7)
    }

    /// Until when people may look by a bundle issued at a time.
    #[must_use]
    pub fn read_until(issued_at: DateTime<Utc>) -> DateTime<Utc> {
        issued_at + TimeDelta::days(30)
    }

    /// Signs it.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> SignedBundle {
        // Every key is text and every value is JSON already.
        let bundle = serde_json::to_string(self).unwrap_or_default();
        let signature = hex::encode(key.sign(&signed(&bundle)).to_bytes());
        SignedBundle { bundle, signature }
    }

    /// A person of it.
    #[must_use]
    pub fn person(&self, id: UserId) -> Option<&BundlePerson> {
        self.people.iter().find(|person| person.id == id)
    }

    /// What it says of a person for [`super::verify`].
    #[must_use]
    pub fn standing(&self, id: UserId) -> Option<Standing> {
        let person = self.person(id)?;
        let may_decide = person.role.may(shared_model::access::Permission::ApprovalsDecide);
        Some(Standing { person: id, employee: person.employee, may_decide })
    }
}

impl SignedBundle {
    /// Checks and reads it.
    ///
    /// # Errors
    /// [`BadBundle`]; nothing of it may be used then.
    pub fn open(&self, key: &VerifyingKey, company: CompanyId, edge: EdgeId) -> Result<Bundle, BadBundle> {
        if self.bundle.len() > limit::BUNDLE {
            return Err(BadBundle::TooLong(self.bundle.len()));
        }
        let mut bytes = [0; 64];
        hex::decode_to_slice(&self.signature, &mut bytes).map_err(|_| BadBundle::Signature)?;
        key.verify_strict(&signed(&self.bundle), &Signature::from_bytes(&bytes))
            .map_err(|_| BadBundle::Signature)?;
        let bundle: Bundle =
            serde_json::from_str(&self.bundle).map_err(|e| BadBundle::Json(e.to_string()))?;
        if (bundle.company, bundle.edge) == (company, edge) { Ok(bundle) } else { Err(BadBundle::Foreign) }
    }
}

fn signed(bundle: &str) -> Vec<u8> {
    [CONTEXT, bundle.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn bundle() -> Bundle {
        Bundle {
            company: CompanyId::from_uuid(Uuid::from_u128(1)),
            edge: EdgeId::from_uuid(Uuid::from_u128(2)),
            epoch: 3,
            issued_at: "2026-11-20T08:00:00Z".parse().unwrap(),
            people: vec![BundlePerson {
                id: UserId::from_uuid(Uuid::from_u128(4)),
                email: "hr@example.com".into(),
                name: "নাজমা".into(),
                role: Role::SiteAdmin,
                password: None,
                employee: None,
            }],
            grants: Vec::new(),
        }
    }

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    #[test]
    fn a_signed_bundle_is_read_by_its_edge() {
        let (bundle, key) = (bundle(), key(7));
        let signed = bundle.sign(&key);
        assert_eq!(signed.open(&key.verifying_key(), bundle.company, bundle.edge), Ok(bundle.clone()));
    }

    #[test]
    fn whatever_does_not_fit_is_refused() {
        let (bundle, right) = (bundle(), key(7));
        let signed = bundle.sign(&right);
        let public = right.verifying_key();
        let open = |signed: &SignedBundle| signed.open(&public, bundle.company, bundle.edge);
        assert_eq!(
            signed.open(&key(8).verifying_key(), bundle.company, bundle.edge),
            Err(BadBundle::Signature)
        );
        let changed = SignedBundle { bundle: signed.bundle.replace("site_admin", "owner"), ..signed.clone() };
        assert_eq!(open(&changed), Err(BadBundle::Signature));
        assert_eq!(
            open(&SignedBundle { signature: "00".into(), ..signed.clone() }),
            Err(BadBundle::Signature)
        );
        let other = EdgeId::from_uuid(Uuid::from_u128(9));
        assert_eq!(signed.open(&public, bundle.company, other), Err(BadBundle::Foreign));
        let long = SignedBundle { bundle: "x".repeat(limit::BUNDLE + 1), ..signed };
        assert!(matches!(open(&long), Err(BadBundle::TooLong(_))));
    }

    #[test]
    fn its_form_stands() {
        let text = r#"{"company":"00000000-0000-0000-0000-000000000001","edge":"00000000-0000-0000-0000-000000000002","epoch":3,"issued_at":"2026-11-20T08:00:00Z","people":[{"id":"00000000-0000-0000-0000-000000000004","email":"hr@example.com","name":"নাজমা","role":"site_admin"}],"grants":[]}"#;
        assert_eq!(bundle().sign(&key(7)).bundle, text);
        let newer = text.replacen('{', r#"{"a_later_field":1,"#, 1);
        assert_eq!(serde_json::from_str::<Bundle>(&newer).unwrap(), bundle());
    }
}
