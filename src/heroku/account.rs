//! What the owner of an API key sees of Heroku: apps, their config vars, add-ons, attachments, buildpacks, and what was
//! built for them.
//!
//! <https://devcenter.heroku.com/articles/platform-api-reference>. No request is retried, each is bounded to 30 s, and
//! all but [`HerokuAccount::set_config_vars`] change nothing.

use std::collections::BTreeMap;

use reqwest::{Client, Method, RequestBuilder, Url};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{ApiKey, Error, ErrorKind, Result, VERSION, answer, http_client};

/// Heroku as the owner of an API key sees it.
#[derive(Debug, Clone)]
pub struct HerokuAccount {
    http: Client,
    base: Url,
    key: ApiKey,
}

/// An app.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "RawApp")]
pub struct HerokuApp {
    /// Its name.
    pub name: String,
    /// Its region: `us`, `eu`, or that of its space.
    pub region: String,
    /// Its private space.
    pub space: Option<String>,
    /// The team that owns it; none: a person does.
    pub team: Option<String>,
    /// Its stack, such as `heroku-24`; `cnb` where it is built by Cloud Native Buildpacks, `container` where it runs images.
    pub stack: String,
}

/// An add-on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "RawAddOn")]
pub struct HerokuAddOn {
    /// Its name, which no other add-on has: `postgresql-rigid-12345`.
    pub name: String,
    /// What it is: `heroku-postgresql`, `scheduler`.
    pub service: String,
    /// Its plan: `heroku-postgresql:standard-0`.
    pub plan: String,
    /// The app that owns it.
    pub app: String,
    /// The config vars of that app which it sets.
    pub config_vars: Vec<String>,
}

/// An add-on as it is attached to an app.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "RawAttachment")]
pub struct HerokuAttachment {
    /// The attachment's name: the config var is this and `_URL`.
    pub name: String,
    /// The add-on.
    pub add_on: String,
    /// The credential; none: the owner's.
    pub credential: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct RawApp {
    name: String,
    region: Named,
    space: Option<Named>,
    team: Option<Named>,
    stack: Named,
}

impl From<RawApp> for HerokuApp {
    fn from(raw: RawApp) -> Self {
        Self {
            name: raw.name,
            region: raw.region.name,
            space: raw.space.map(|space| space.name),
            team: raw.team.map(|team| team.name),
            stack: raw.stack.name,
        }
    }
}

#[derive(Deserialize)]
struct RawAddOn {
    name: String,
    addon_service: Named,
    plan: Named,
    app: Named,
    #[serde(default)]
    config_vars: Vec<String>,
}

impl From<RawAddOn> for HerokuAddOn {
    fn from(raw: RawAddOn) -> Self {
        Self {
            name: raw.name,
            service: raw.addon_service.name,
            plan: raw.plan.name,
            app: raw.app.name,
            config_vars: raw.config_vars,
        }
    }
}

#[derive(Deserialize)]
struct RawAttachment {
    name: String,
    addon: Named,
    namespace: Option<String>,
}

impl From<RawAttachment> for HerokuAttachment {
    fn from(raw: RawAttachment) -> Self {
        let credential = raw
            .namespace
            .as_deref()
            .and_then(|name| name.strip_prefix("credential:"));
        Self {
            credential: credential.map(str::to_owned),
            name: raw.name,
            add_on: raw.addon.name,
        }
    }
}

impl HerokuAccount {
    /// A client for the account that this key belongs to, at the API `base`.
    ///
    /// # Errors
    /// [`ErrorKind::Unreachable`] if the HTTP client can't be built, for example without root certificates.
    pub fn new(base: Url, key: ApiKey) -> Result<Self> {
        let http = http_client()?;
        Ok(Self { http, base, key })
    }

    /// An app; `None` if no app has this name.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] if the app belongs to somebody else. Any other error of the API.
    pub async fn app(&self, app: &str) -> Result<Option<HerokuApp>> {
        let doing = format!("look for the app {app}");
        found(answer::read(&doing, self.get(&["apps", app])).await)
    }

    /// The names and values of an app's config vars.
    ///
    /// # Errors
    /// Any error of the API.
    pub async fn config_vars(&self, app: &str) -> Result<BTreeMap<String, Zeroizing<String>>> {
        let doing = format!("read the config vars of the app {app}");
        let all: BTreeMap<String, String> = answer::read(&doing, self.get(&["apps", app, "config-vars"])).await?;
        Ok(all
            .into_iter()
            .map(|(name, value)| (name, Zeroizing::new(value)))
            .collect())
    }

    /// Sets config vars, all of them or none. The app's dynos are restarted; repeating it changes nothing.
    ///
    /// # Errors
    /// Any error of the API. After [`ErrorKind::Unreachable`] they may have been set anyway.
    pub async fn set_config_vars(&self, app: &str, vars: &BTreeMap<String, Zeroizing<String>>) -> Result<()> {
        let doing = format!("set the config vars of the app {app}");
        let body: BTreeMap<&str, &str> = vars
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let request = self.request(Method::PATCH, &["apps", app, "config-vars"]).json(&body);
        let _: serde::de::IgnoredAny = answer::read(&doing, request).await?;
        Ok(())
    }

    /// The add-ons that an app owns.
    ///
    /// # Errors
    /// Any error of the API.
    pub async fn add_ons(&self, app: &str) -> Result<Vec<HerokuAddOn>> {
        let doing = format!("list the add-ons of the app {app}");
        answer::read(&doing, self.get(&["apps", app, "addons"])).await
    }

    /// An add-on of any app; `None` if it doesn't exist, or this key can't see it.
    ///
    /// # Errors
    /// Any error of the API.
    pub async fn add_on(&self, name: &str) -> Result<Option<HerokuAddOn>> {
        let doing = format!("look for the add-on {name}");
        found(answer::read(&doing, self.get(&["addons", name])).await)
    }

    /// What is attached to an app.
    ///
    /// # Errors
    /// Any error of the API.
    pub async fn attachments(&self, app: &str) -> Result<Vec<HerokuAttachment>> {
        let doing = format!("list what is attached to the app {app}");
        answer::read(&doing, self.get(&["apps", app, "addon-attachments"])).await
    }

    /// The addresses of an app's buildpacks, in their order.
    ///
    /// # Errors
    /// Any error of the API.
    pub async fn buildpacks(&self, app: &str) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Installation {
            buildpack: Buildpack,
        }
        #[derive(Deserialize)]
        struct Buildpack {
            url: String,
        }
        let doing = format!("list the buildpacks of the app {app}");
        let request = self.get(&["apps", app, "buildpack-installations"]);
        let all: Vec<Installation> = answer::read(&doing, request).await?;
        Ok(all.into_iter().map(|one| one.buildpack.url).collect())
    }

    /// The process types of what an app runs now, each with its command; `None` if nothing was built yet. An image has no
    /// slug: its process types are those of the formation.
    ///
    /// # Errors
    /// Any error of the API.
    pub async fn process_types(&self, app: &str) -> Result<Option<BTreeMap<String, String>>> {
        #[derive(Deserialize)]
        struct Release {
            current: bool,
            slug: Option<Slug>,
        }
        #[derive(Deserialize)]
        struct Slug {
            id: String,
        }
        #[derive(Deserialize)]
        struct Built {
            process_types: BTreeMap<String, String>,
        }
        let doing = format!("list the releases of the app {app}");
        // the newest one may have failed: https://devcenter.heroku.com/articles/platform-api-reference#ranges
        let newest = self
            .get(&["apps", app, "releases"])
            .header("Range", "version ..; order=desc, max=20");
        let releases: Vec<Release> = answer::read(&doing, newest).await?;
        let current = releases.into_iter().find(|release| release.current);
        let Some(slug) = current.and_then(|release| release.slug) else {
            return self.formation(app).await;
        };
        let doing = format!("read what was built for the app {app}");
        let built: Built = answer::read(&doing, self.get(&["apps", app, "slugs", &slug.id])).await?;
        Ok(Some(built.process_types))
    }

    /// The process types of an app without a slug; `None` if there are none.
    async fn formation(&self, app: &str) -> Result<Option<BTreeMap<String, String>>> {
        #[derive(Deserialize)]
        struct Process {
            #[serde(rename = "type")]
            name: String,
            command: Option<String>,
        }
        let doing = format!("list the processes of the app {app}");
        let all: Vec<Process> = answer::read(&doing, self.get(&["apps", app, "formation"])).await?;
        let types = all
            .into_iter()
            .map(|process| (process.name, process.command.unwrap_or_default()));
        let types: BTreeMap<String, String> = types.collect();
        Ok((!types.is_empty()).then_some(types))
    }

    fn get(&self, path: &[&str]) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let request = self.http.request(method, url);
        request
            .header(reqwest::header::ACCEPT, VERSION)
            .bearer_auth(self.key.0.reveal())
    }
}

/// What isn't there is no error.
fn found<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(Error {
            kind: ErrorKind::NotFound,
            ..
        }) => Ok(None),
        Err(error) => Err(error),
    }
}
