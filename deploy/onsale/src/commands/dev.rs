//! `onsale dev`

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use onsale_auth::{Grant, Role};
use onsale_cluster::http_client;
use onsale_ingress::GatewayKind;
use onsale_payments::gateway::Gateway as _;
use onsale_payments::gateway::simulated::{Simulated, SimulatedConfig};
use onsale_payments::run as payments;
use onsale_processor::clock;
use onsale_schemas::{TenantId, UserId};
use onsale_settings::Secret;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::assemble;
use crate::cli::{ConfigArgs, parse_listen};
use crate::config::Config;
use crate::demo::{self, DemoShow};
use crate::demo_accounts::{self, DemoAccount};
use crate::exit::{Failure, OrFail};
use crate::{output, private, secrets};

/// Lifetime of the printed tokens, in seconds (30 days).
const TOKEN_TTL_S: u64 = 30 * 86_400;

/// As cheap as may be configured.
const DEV_BCRYPT_COST: u32 = 10;

#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// Data folder [default: `onsale` in the platform's data folder]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where to listen
    #[arg(long, value_name = "ADDR", value_parser = parse_listen)]
    listen: Option<SocketAddr>,
    /// Start without the demo events
    #[arg(long)]
    no_demo: bool,
}

pub(crate) fn run(args: DevArgs) -> Result<(), Failure> {
    without_huge_pages();
    let mut base = Config::default();
    base.payments.simulated = true;
    base.payments.gateway = Some(GatewayKind::Simulated);
    base.auth.token_lifetime_max_seconds = TOKEN_TTL_S;
    // Nobody's password needs protection here, and the first start should not wait for three.
    base.accounts.bcrypt_cost = DEV_BCRYPT_COST;
    base.mail.outbox = true;
    // Not every browser takes `Secure` from http://localhost.
    base.accounts.insecure_cookies = true;
    base.telemetry.filter =
        "warn,onsale=info,onsale_processor=info,onsale_messages=info".to_owned();
    base.telemetry.sampling = 1.0;
    let config_args = ConfigArgs {
        config: None,
        data: args.data,
    };
    let mut config = Config::load(&config_args, &base)?;
    if let Some(listen) = args.listen {
        config.http.listen = listen;
    }
    link_here(&mut config);
    // With TLS every browser does.
    config.accounts.insecure_cookies &= config.http.tls_certificate_file.is_none();
    private::data_folder(&config.data.dir).or_use()?;
    if config.auth.hs256_secret.is_none() && config.auth.hs256_secret_file.is_none() {
        let secret: Secret = secrets::dev_secret(&config.data.dir).or_found()?;
        config.auth.hs256_secret = Some(secret);
    }
    if config.auth.booking_secret.is_none() && config.auth.booking_secret_file.is_none() {
        let secret = secrets::booking_secret(&config.data.dir).or_found()?;
        config.auth.booking_secret = Some(secret);
    }
    if !config.accounts.has_key() {
        let secret = secrets::accounts_secret(&config.data.dir).or_found()?;
        config.accounts.key = Some(secret);
    }
    let config = config.checked(true).or_use()?;
    let demo = !args.no_demo;
    output::announce(format_args!(
        "Starting Onsale with the data in {}",
        config.data.dir.display()
    ));
    assemble::serve_until_stopped(config.clone(), |addresses, _| async move {
        let base = config.url_at(addresses.public);
        let operations = config.url_at(addresses.operations);
        let tokens = Tokens::mint(&config)?;
        let accounts = demo_accounts::ensure(&config)
            .await
            .context("demo accounts")?;
        let shows = if demo {
            let http = http_client::build(config.http.tls_ca_file.as_deref())?;
            demo::ensure(http, &base, &tokens)
                .await
                .context("demo events")?
        } else {
            Vec::new()
        };
        output::announce(format_args!("Onsale is open at {base}"));
        output::announce(format_args!("  metrics  {operations}/metrics"));
        let has_mail_server = config.mail.url.is_some() || config.mail.url_file.is_some();
        if config.mail.outbox && !has_mail_server {
            output::announce(format_args!("  mails    {}", config.outbox_dir().display()));
        }
        if config.is_open_to_all() {
            warn(&config);
        }
        welcome(&base, &tokens, &shows);
        sign_in(&base, &accounts);
        if config.payments.gateway == Some(GatewayKind::Simulated) {
            ways_to_pay(&base);
        }
        output::announce("\nStop with Ctrl-C; the same data is there at the next start.");
        Ok(())
    })
}

/// Says where links of mails, and providers that people sign in with, lead to, where the configuration does not: to
/// this server, wherever it listens.
fn link_here(config: &mut Config) {
    if config.has_public_url() || config.accounts.public_url.is_some() {
        return;
    }
    let listen = config.http.listen;
    // The system chooses the port, and links would have to be known before.
    if listen.port() == 0 {
        return;
    }
    let is_plain = config.http.tls_certificate_file.is_none();
    // Providers send people back over plain HTTP to their own machines alone.
    let url = if is_plain && !config.accounts.providers.is_empty() {
        config.local_url_at(listen)
    } else {
        config.browser_url_at(listen)
    };
    config.http.public_url = Some(url);
}

/// The allocator asks for huge pages, which make a large installation a little faster and are
/// mostly empty in a small one: without them an idle process takes little more than half the
/// memory.
fn without_huge_pages() {
    #[cfg(target_os = "linux")]
    {
        // If the system does not offer it, only memory is lost.
        let _refused = rustix::thread::disable_transparent_huge_pages(true);
    }
}

/// A token of each role.
pub(crate) struct Tokens {
    buyer: String,
    pub(crate) organizer: String,
    pub(crate) admin: String,
    service: String,
    operator: String,
}

impl Tokens {
    pub(crate) fn mint(config: &Config) -> anyhow::Result<Self> {
        let minter = secrets::minter(config, None)?;
        let now_ms = clock::now_ms();
        let mint = |user: Uuid, role: Role| {
            let grant = Grant {
                user: UserId(user),
                role,
                tenant: TenantId(demo::TENANT),
                life_seconds: TOKEN_TTL_S,
            };
            minter.mint(&grant, now_ms)
        };
        Ok(Self {
            buyer: mint(demo::BUYER, Role::Buyer)?,
            organizer: mint(demo::ORGANIZER, Role::Organizer)?,
            admin: mint(demo::ADMIN, Role::Admin)?,
            service: mint(demo::SERVICE, Role::Service)?,
            operator: mint(demo::OPERATOR, Role::Operator)?,
        })
    }
}

/// Warns when a server for trying things out listens on a public address.
fn warn(config: &Config) {
    output::announce(format_args!(
        "\n*** WARNING: {} is not loopback. Everyone who can reach this machine can buy without \
         paying,\n*** and tokens pass unencrypted. `onsale dev` is for trying things out on your \
         own machine; use `onsale serve`.\n",
        config.http.listen
    ));
}

/// Shows whom one can be.
fn sign_in(base: &str, accounts: &[DemoAccount]) {
    output::announce(format_args!(
        "\nAccounts with the passwords that they began with, for {base}/api/v1/auth/login with \"email\" and \
         \"password\":"
    ));
    for account in accounts {
        output::announce(format_args!(
            "  {:<23} {}",
            account.email,
            account.password.expose()
        ));
    }
}

/// Shows how one can pay, with no money.
fn ways_to_pay(base: &str) {
    let simulated = Simulated::new(SimulatedConfig::default(), payments::system_clock());
    let methods = simulated.methods().iter().map(|method| method.name);
    let methods: Vec<&str> = methods.collect();
    output::announce(format_args!(
        "\nPay for a booking at {base}/api/v1/payments with \"booking_id\" and a \"method\" of the simulated gateway:\n  \
         {}",
        methods.join(", ")
    ));
}

/// Shows what there is to sell, tokens, and how to try it.
pub(crate) fn welcome(base: &str, tokens: &Tokens, shows: &[DemoShow]) {
    output::announce(format_args!("  API page {base}/docs"));
    for show in shows {
        output::announce(format_args!("  show     {} {}", show.show_id, show.event));
    }
    output::announce("\nTokens, good for 30 days:");
    for (role, token) in [
        ("BUYER", &tokens.buyer),
        ("ORGANIZER", &tokens.organizer),
        ("ADMIN", &tokens.admin),
        ("SERVICE", &tokens.service),
        ("OPERATOR", &tokens.operator),
    ] {
        output::announce(format_args!("  {role}={token}"));
    }
    if let Some(show) = shows.first()
        && let Some((zone_id, zone)) = show.zones.first()
    {
        output::announce(format_args!(
            "\nCodes: {} takes 10 % off, {} opens what needs a code.",
            demo::DISCOUNT_CODE,
            demo::ACCESS_CODE
        ));
        output::announce(format_args!(
            "\nTry it: what is left of {}, what two of the best seats of {zone} cost with a code, those seats, what \
             you hold:",
            show.event
        ));
        output::announce(format_args!(
            "  curl -s {base}/api/v1/shows/{}/zones",
            show.show_id
        ));
        let ticket_type = show.ticket_type.as_deref();
        let basket = two_of(zone_id, ticket_type, None);
        output::announce(format_args!(
            "  curl -s {base}/api/v1/shows/{}/quote -H 'Content-Type: application/json' -d '{basket}'",
            show.show_id
        ));
        let basket = two_of(zone_id, ticket_type, Some(&show.show_id));
        output::announce(format_args!(
            "  curl -s {base}/api/v1/bookings/reserve -H 'Authorization: Bearer {}' \
             -H 'Content-Type: application/json' -d '{basket}'",
            tokens.buyer
        ));
        output::announce(format_args!(
            "  curl -s {base}/api/v1/bookings/pending -H 'Authorization: Bearer {}'",
            tokens.buyer
        ));
    }
}

/// Two of the best seats of a zone with a code, to be quoted, or to be held where the show is named.
fn two_of(zone_id: &str, ticket_type: Option<&str>, show_id: Option<&str>) -> Value {
    let mut basket = json!({
        "zone_id": zone_id, "quantity": 2, "code": demo::DISCOUNT_CODE,
    });
    if let Some(name) = ticket_type {
        basket["ticket_type"] = json!(name);
    }
    if let Some(id) = show_id {
        basket["show_id"] = json!(id);
    }
    basket
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_this_server_where_its_port_is_known() {
        for (listen, url) in [
            ("127.0.0.1:9000", Some("http://localhost:9000")),
            ("127.0.0.1:0", None),
        ] {
            let mut config = Config::for_tests();
            config.http.listen = listen.parse().unwrap();
            link_here(&mut config);
            assert_eq!(config.http.public_url.as_deref(), url);
        }
    }
}
