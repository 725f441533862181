//! The pages that somebody sees who is not signed in.

use axum::response::Response;
use maud::html;

use super::Page;
use crate::dashboard::{link::LINK_MINUTES, site::Site};

/// What is said above the form.
pub(in crate::dashboard) enum Said {
    Nothing,
    /// Why the last attempt failed.
    Failed(String),
}

/// The page to sign in. `token` is what the form brings along, `next` where it leads.
pub(in crate::dashboard) fn sign_in(site: &Site, token: &str, next: &str, said: &Said) -> Response {
    let page = Page {
        site,
        visitor: None,
        title: "Sign in",
        refresh: None,
    };
    let has_password = site.settings.operator.is_some() || site.settings.viewer.is_some();
    page.answer(&html! {
        section.card.narrow {
            h1 { "Sign in" }
            @if let Said::Failed(why) = said { p role="alert" { strong { (why) } } }
            @if has_password {
                form method="post" action="/sign-in" {
                    input type="hidden" name="token" value=(token);
                    input type="hidden" name="next" value=(next);
                    // for a password manager, which files a password under a name
                    input.visually-hidden type="text" name="username" value="pgcoffer" autocomplete="username" tabindex="-1" aria-hidden="true" readonly;
                    div.field {
                        label for="password" { "Password" }
                        input #password type="password" name="password" required autocomplete="current-password" maxlength="1024";
                    }
                    div.acts { button.primary type="submit" { "Sign in" } }
                }
            } @else if site.settings.users.is_some() {
                p { "Sign in where the proxy in front of this page says: it names who you are, and has not done so." }
            }
            @if site.link_key.is_some() {
                p.small.soft {
                    "Or run " code { "pgcoffer dashboard open" } " where the key is set. It prints a link that opens once, within "
                    (LINK_MINUTES) " minutes."
                }
            }
        }
    })
}

/// The page of a link, which opens when its button is pressed: not when some program looks at it before a person does.
pub(in crate::dashboard) fn open(site: &Site, token: &str, secret: &str) -> Response {
    let page = Page {
        site,
        visitor: None,
        title: "Open the dashboard",
        refresh: None,
    };
    page.answer(&html! {
        section.card.narrow {
            h1 { "Open the dashboard" }
            p { "This link signs you in as an operator, once." }
            form method="post" action="/open" {
                input type="hidden" name="token" value=(token);
                input type="hidden" name="link" value=(secret);
                div.acts { button.primary type="submit" { "Open" } }
            }
        }
    })
}
