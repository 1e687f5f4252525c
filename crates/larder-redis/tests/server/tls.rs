use std::path::Path;

use larder_redis::{ConnectErrorKind, RedisTier};
use larder_servers::Redis;

use crate::entries::everything;

async fn folder(server: &Redis) -> String {
    let dir = server.command(&["CONFIG", "GET", "dir"]).await;
    dir.lines().last().unwrap().to_owned()
}

fn read(folder: &str, name: &str) -> Vec<u8> {
    std::fs::read(Path::new(folder).join(name)).unwrap()
}

#[tokio::test]
async fn a_connection_is_encrypted_if_the_certificate_is_trusted() {
    let Some(server) = Redis::options().tls().start_or_skip().await else {
        return;
    };
    let trusted = RedisTier::builder(server.url()).root_certificates(server.authority());
    let tier = trusted.connect().await.unwrap();
    everything(&tier).await;
    server.restart().await;
    crate::support::until_it_works(&tier).await;

    let error = RedisTier::connect(server.url()).await.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::Tls, "{error}");
    assert!(error.to_string().contains("root_certificates"), "{error}");
    // The certificate names 127.0.0.1 and localhost.
    let other = server.url().replace("127.0.0.1", "127.0.0.2");
    let error = RedisTier::builder(other)
        .root_certificates(server.authority())
        .connect()
        .await;
    let error = error.unwrap_err();
    assert!(
        [ConnectErrorKind::Tls, ConnectErrorKind::Unreachable].contains(&error.kind()),
        "{error}"
    );
    // Without encryption there is nobody to talk to.
    let plain = server.url().replace("rediss", "redis");
    let error = RedisTier::connect(plain).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("rediss://") || text.contains("check host and port"),
        "{text}"
    );
}

#[tokio::test]
async fn a_client_shows_its_certificate_where_one_is_wanted() {
    let strict = Redis::options().tls().line("tls-auth-clients yes");
    let Some(server) = strict.start_or_skip().await else {
        return;
    };
    let folder = folder(&server).await;
    let builder = || RedisTier::builder(server.url()).root_certificates(server.authority());
    let error = builder().connect().await.unwrap_err();
    assert!(
        [ConnectErrorKind::Tls, ConnectErrorKind::Unreachable].contains(&error.kind()),
        "{error}"
    );
    let (chain, key) = (read(&folder, "server.crt"), read(&folder, "server.key"));
    let tier = builder().client_certificate(chain.clone(), key);
    everything(&tier.connect().await.unwrap()).await;
    let wrong = builder()
        .client_certificate(chain, "no key")
        .connect_lazily();
    assert_eq!(wrong.unwrap_err().kind(), ConnectErrorKind::Setting);
    let wrong = RedisTier::builder(server.url())
        .root_certificates("none")
        .connect_lazily();
    let error = wrong.unwrap_err();
    assert_eq!(error.kind(), ConnectErrorKind::Setting);
    assert!(error.to_string().contains("no PEM certificate"), "{error}");
}
