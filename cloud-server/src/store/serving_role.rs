//! Refuses to serve as a role that row-level security does not bind.

use sqlx::postgres::PgConnection;

/// Why a role or server must not be served with.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// Superusers see every row.
    #[error(
        "DATABASE_URL names {role}, a superuser: serve as a role without rights of its own (see the README)"
    )]
    Superuser {
        /// The role.
        role: String,
    },
    /// The role, or one it may become, bypasses row-level security.
    #[error(
        "DATABASE_URL names {role}, which may bypass row-level security: serve as a role without BYPASSRLS"
    )]
    BypassesRowSecurity {
        /// The role.
        role: String,
    },
    /// The role, or one it may become, owns tables.
    #[error("DATABASE_URL names {role}, which owns {table}: serve as a role that owns nothing")]
    Owner {
        /// The role.
        role: String,
        /// One of the tables.
        table: String,
    },
    /// The server has a known leak between companies.
    #[error(
        "PostgreSQL {version} leaks statistics over row-level security (CVE-2025-8713): update it within its version"
    )]
    Unpatched {
        /// The server's version.
        version: String,
    },
    /// The checks themselves failed.
    #[error("cannot check the serving role")]
    Database(#[from] sqlx::Error),
}

/// Checks the role of a connection and its server.
///
/// # Errors
/// [`Unfit`] names what is wrong.
pub(super) async fn check(connection: &mut PgConnection) -> Result<(), Unfit> {
    let (role, superuser, bypasses): (String, bool, bool) = sqlx::query_as(
        "SELECT current_user::text,
                bool_or(r.rolsuper),
                bool_or(r.rolbypassrls)
         FROM pg_roles r WHERE pg_has_role(current_user, r.oid, 'MEMBER')",
    )
    .fetch_one(&mut *connection)
    .await?;
    if superuser {
        return Err(Unfit::Superuser { role });
    }
    if bypasses {
        return Err(Unfit::BypassesRowSecurity { role });
    }
    let owned: Option<String> = sqlx::query_scalar(
        "SELECT c.oid::regclass::text FROM pg_class c
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND pg_has_role(current_user, c.relowner, 'MEMBER')
         LIMIT 1",
    )
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(table) = owned {
        return Err(Unfit::Owner { role, table });
    }
    let (number, version): (i32, String) = sqlx::query_as(
        "SELECT current_setting('server_version_num')::int, current_setting('server_version')",
    )
    .fetch_one(&mut *connection)
    .await?;
    if is_unpatched(number) { Err(Unfit::Unpatched { version }) } else { Ok(()) }
}

/// Below 15 views cannot be made to obey the asker's policies; the first patched minor of each version after that.
fn is_unpatched(number: i32) -> bool {
    let first_patched = match number / 10_000 {
        15 => 14,
        16 => 10,
        17 => 6,
        major => return major < 15,
    };
    number % 10_000 < first_patched
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_patched_minor_of_each_version_is_taken() {
        assert!(is_unpatched(150_013) && !is_unpatched(150_014));
        assert!(is_unpatched(160_009) && !is_unpatched(160_010));
        assert!(is_unpatched(170_005) && !is_unpatched(170_006));
        assert!(is_unpatched(140_030) && !is_unpatched(180_000));
    }
}
