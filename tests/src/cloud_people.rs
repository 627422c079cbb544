//! People who sign in to a cloud under test, over HTTP.

use anyhow::Result;
use cloud_server::clock::{OsEntropy, SystemClock};
use cloud_server::store::user::NewUser;
use shared_model::access::Role;
use shared_model::text::Name;
use shared_model::{Clock as _, UserId};

use crate::cloud_http::{Answer, Browser, CloudHttp, Factory, author};

/// Everybody's password.
pub const PASSWORD: &str = "seven green lorries";

/// Sets up the first superuser and returns the browser that did it.
///
/// # Errors
/// When the server does not answer.
pub async fn operator(cloud: &CloudHttp) -> Result<Browser> {
    let token = cloud.store.make_setup_token(&OsEntropy, SystemClock.now()).await?.to_string();
    let mut browser = cloud.browser();
    let form =
        [("token", token.as_str()), ("name", "Olga"), ("email", "olga@example.com"), ("password", PASSWORD)];
    let answer = browser.post("/setup", &form).await?;
    assert_eq!((answer.status, answer.location.as_deref()), (303, Some("/companies")), "{}", answer.text);
    Ok(browser)
}

/// Makes a person with a role in a company and signs in.
///
/// # Errors
/// When the server does not answer.
pub async fn member(cloud: &CloudHttp, email: &str, factory: Factory, role: Role) -> Result<Browser> {
    let new = NewUser {
        id: UserId::mint(&SystemClock, &OsEntropy),
        email: email.to_owned(),
        name: Name::parse(email)?,
        operator: false,
    };
    let token = cloud.store.add_user(&new, author(), &OsEntropy).await?.to_string();
    cloud.store.set_membership(new.id, factory.company, role, author()).await?;
    let mut browser = cloud.browser();
    let set = browser.post("/password", &[("token", &token), ("password", PASSWORD)]).await?;
    assert_eq!(set.status, 303, "{}", set.text);
    sign_in(&mut browser, email).await?;
    Ok(browser)
}

/// Signs in.
///
/// # Errors
/// When the server does not answer.
pub async fn sign_in(browser: &mut Browser, email: &str) -> Result<Answer> {
    let answer = browser.post("/sign-in", &[("name", email), ("password", PASSWORD)]).await?;
    assert_eq!(answer.status, 303, "{}", answer.text);
    Ok(answer)
}

/// Asked to sign in: a redirect for pages, 401 for anything else.
#[must_use]
pub fn is_signed_out(answer: &Answer) -> bool {
    answer.status == 401 || answer.location.as_deref().is_some_and(|to| to.starts_with("/sign-in"))
}
