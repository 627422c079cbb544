//! What both web UIs need once: sessions, passwords, throttling, security headers, routes with permissions,
//! assets, locales, the page shell and its components.
//!
//! The crate knows nothing of punches, employees or clocks, and holds no pages of its own except sign-in and errors.
//! A binary implements [`WebApp`] for its state, lists its routes in a [`RouteTable`], and passes the built router
//! through [`harden()`]. How to make a page is in this crate's README.

pub mod app;
pub mod asset;
pub mod chart;
pub mod check;
pub mod component;
pub mod failure;
pub mod flash;
pub mod form;
pub mod harden;
pub mod language;
pub mod locale;
pub mod metrics;
pub mod page;
pub mod password;
pub mod path;
pub mod route;
pub mod session;
pub mod sign_in;
pub mod throttle;
pub mod zone;

pub use app::{Kit, WebApp};
pub use asset::Assets;
pub use component::{Chip, DayMark, Tone};
pub use failure::{Failure, Refusal};
pub use flash::Flash;
pub use form::FormState;
pub use harden::harden;
pub use locale::{Key, Locales, Texts};
pub use page::{Frame, NavItem, Page, UserMenu, View};
pub use path::LocalPath;
pub use route::{Access, Route, RouteTable};
pub use session::{Current, SessionStore};
