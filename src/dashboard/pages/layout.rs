//! What every page has around it.

use std::sync::LazyLock;

use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use sha2::{Digest as _, Sha256};

use crate::dashboard::{access::Visitor, site::Site};

/// A file of the pages, which the binary holds.
pub(in crate::dashboard) struct Asset {
    /// Its path, which changes with its text, so that browsers may keep it.
    pub(in crate::dashboard) path: String,
    pub(in crate::dashboard) media_type: &'static str,
    pub(in crate::dashboard) text: &'static str,
}

impl Asset {
    fn new(text: &'static str, extension: &str, media_type: &'static str) -> Self {
        let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(text)[..8]);
        Self {
            path: format!("/assets/{digest}.{extension}"),
            media_type,
            text,
        }
    }
}

pub(in crate::dashboard) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new(include_str!("../assets/style.css"), "css", "text/css; charset=utf-8"));
pub(in crate::dashboard) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        include_str!("../assets/page.js"),
        "js",
        "text/javascript; charset=utf-8",
    )
});
pub(in crate::dashboard) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new(include_str!("../assets/icon.svg"), "svg", "image/svg+xml"));

/// A page with everything around it.
pub(in crate::dashboard) struct Page<'a> {
    pub(in crate::dashboard) site: &'a Site,
    /// Who reads it; none on the page to sign in.
    pub(in crate::dashboard) visitor: Option<&'a Visitor>,
    pub(in crate::dashboard) title: &'a str,
    /// After how many seconds it is loaded again, where script runs; none for never.
    pub(in crate::dashboard) refresh: Option<u32>,
}

impl Page<'_> {
    /// The answer with this in its middle.
    pub(in crate::dashboard) fn answer(&self, main: &Markup) -> Response {
        let markup = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (self.title) " · pgcoffer" }
                    link rel="icon" href=(ICON.path) type="image/svg+xml";
                    link rel="stylesheet" href=(STYLE.path);
                    script src=(SCRIPT.path) defer {}
                }
                body data-refresh=[self.refresh] {
                    a.skip href="#main" { "Skip to the content" }
                    (self.top())
                    main #main tabindex="-1" { (main) }
                    footer {
                        "pgcoffer " (env!("CARGO_PKG_VERSION"))
                        @if self.visitor.is_some() { " · backups in " (self.site.place) " · times in " (super::parts::zone_name(self.site)) }
                    }
                }
            }
        };
        Html(markup.into_string()).into_response()
    }

    fn top(&self) -> Markup {
        html! {
            header.top {
                div {
                    a.brand href="/" { img src=(ICON.path) alt=""; "pgcoffer" }
                    @if let Some(visitor) = self.visitor {
                        nav aria-label="Main" {
                            ul {
                                li { a href="/" aria-current=[(self.title == "Overview").then_some("page")] { "Overview" } }
                                li { a href="/work" aria-current=[(self.title == "Work").then_some("page")] { "Work" } }
                                @if visitor.may_act() {
                                    li { a href="/audit" aria-current=[(self.title == "Audit trail").then_some("page")] { "Audit" } }
                                }
                            }
                        }
                        div.who {
                            span.name { (visitor.name) @if !visitor.may_act() { " (may look)" } }
                            @if !visitor.by_proxy {
                                form method="post" action="/sign-out" {
                                    (super::parts::form_token(visitor))
                                    button type="submit" { "Sign out" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A page that says one thing, with a way back.
pub(in crate::dashboard) fn message(page: &Page<'_>, text: &str, hint: Option<&str>) -> Response {
    page.answer(&html! {
        section.card {
            h1 { (page.title) }
            p { (text) }
            @if let Some(hint) = hint { p.soft { (hint) } }
            p { a href="/" { "Back to the overview" } }
        }
    })
}
