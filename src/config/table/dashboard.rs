//! Settings of the dashboard.

use super::super::{
    dashboard::{
        OPERATOR_HASH, OPERATORS, PROXIES, TOKENS, URL, USER_HEADER, VIEWER_HASH, hash, header_name, networks, tokens,
        url,
    },
    setting::{Characters, DefaultValue, Section, Setting, Take},
};

pub(super) const SECTION: Section = Section {
    title: "Dashboard",
    settings: &[
        Setting {
            name: URL,
            secret: false,
            default: DefaultValue::None,
            help: "where people open the dashboard of `serve`; turns it on",
            doc: "where people open the [dashboard](dashboard.md) of `serve`, such as `https://backups.example.com` or \
                `http://localhost:9187`; turns it on",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.dashboard.url = Some(url(text)?);
                Ok(())
            }),
        },
        Setting {
            name: OPERATOR_HASH,
            secret: true,
            default: DefaultValue::None,
            help: "hash of an operator's password: `pgcoffer dashboard password`",
            doc: "hash of the password of who may act there; `pgcoffer dashboard password` makes it",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.dashboard.operator = Some(hash(text)?);
                Ok(())
            }),
        },
        Setting {
            name: VIEWER_HASH,
            secret: true,
            default: DefaultValue::None,
            help: "the same of who may only look",
            doc: "the same of who may only look",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.dashboard.viewer = Some(hash(text)?);
                Ok(())
            }),
        },
        Setting {
            name: TOKENS,
            secret: true,
            default: DefaultValue::None,
            help: "programs that may use its API: `pgcoffer dashboard token`",
            doc: "programs that may use its [API](api.md), each as `pgcoffer dashboard token` prints it, with spaces \
                between them",
            characters: Characters::List,
            take: Take::Once(|reading, text| {
                reading.dashboard.tokens = tokens(text)?;
                Ok(())
            }),
        },
        Setting {
            name: PROXIES,
            secret: false,
            default: DefaultValue::None,
            help: "addresses of proxies in front of it: 10.0.0.0/8",
            doc: "addresses and networks of the proxies in front of it, such as `10.0.0.0/8`: what they say of the \
                client is believed",
            characters: Characters::List,
            take: Take::Once(|reading, text| {
                reading.dashboard.proxies = networks(text)?;
                Ok(())
            }),
        },
        Setting {
            name: USER_HEADER,
            secret: false,
            default: DefaultValue::None,
            help: "the header by which such a proxy names who has signed in there",
            doc: "the header by which such a proxy names who has signed in there, such as `X-Forwarded-User`: who has \
                one needs no password here",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.dashboard.header = Some(header_name(text)?);
                Ok(())
            }),
        },
        Setting {
            name: OPERATORS,
            secret: false,
            default: DefaultValue::None,
            help: "which of these may act; the others only look",
            doc: "which of these users may act; the others only look",
            characters: Characters::List,
            take: Take::Once(|reading, text| {
                let names = text.split([',', ' ', '\n', '\t']).filter(|name| !name.is_empty());
                reading.dashboard.operators = names.map(str::to_owned).collect();
                Ok(())
            }),
        },
    ],
};
