use larder_servers::{Cluster, Kind, Sentinels};

#[tokio::test]
async fn a_killed_master_is_replaced_by_the_sentinels() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let Some(sentinels) = Sentinels::start_or_skip_of(kind).await else {
            continue;
        };
        assert_eq!(sentinels.urls().len(), 3);
        let old = sentinels.kill_master().await;
        let new = sentinels.wait_for_new_master(old.addr()).await;
        assert_ne!(new.addr(), old.addr());
        assert_eq!(new.command(&["SET", "key", "value"]).await, "OK");
    }
}

#[tokio::test]
async fn a_failover_is_made_on_demand_and_again() {
    let Some(sentinels) = Sentinels::start_or_skip().await else {
        return;
    };
    let first = sentinels.master().await.addr();
    let second = sentinels.failover().await.addr();
    assert_ne!(second, first);
    let third = sentinels.failover().await;
    assert_ne!(third.addr(), second);
    assert_eq!(third.command(&["SET", "key", "value"]).await, "OK");
}

#[tokio::test]
async fn a_cluster_goes_on_without_one_of_its_masters_and_takes_it_back() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let Some(cluster) = Cluster::start_or_skip_of(kind).await else {
            continue;
        };
        let old = cluster.master_of("key").await;
        assert_eq!(old.command(&["SET", "key", "value"]).await, "OK");
        assert_eq!(old.command(&["WAIT", "1", "5000"]).await, "1");
        let other = cluster
            .nodes()
            .iter()
            .find(|node| node.port() != old.port());
        let moved = other
            .unwrap()
            .try_command(&["GET", "key"])
            .await
            .unwrap_err();
        assert!(moved.to_string().starts_with("MOVED "), "{moved}");
        cluster.kill_master_of("key").await;
        cluster.wait_ok().await;
        // Nobody sends a client to the dead one any more.
        for node in cluster.nodes().iter().filter(|node| node.runs()) {
            if let Err(moved) = node.try_command(&["GET", "key"]).await {
                let dead = old.addr().to_string();
                assert!(!moved.to_string().ends_with(&dead), "{moved}");
            }
        }
        let new = cluster.master_of("key").await;
        assert_ne!(new.port(), old.port());
        assert_eq!(new.command(&["GET", "key"]).await, "value");
        old.restart().await;
        cluster.wait_ok().await;
        let role = old.command(&["ROLE"]).await;
        assert!(role.starts_with("slave\n"), "{role}");
    }
}

#[tokio::test]
async fn a_slot_moves_with_all_that_is_in_it() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let Some(cluster) = Cluster::start_or_skip_of(kind).await else {
            continue;
        };
        let old = cluster.master_of("{key}").await;
        for number in 0..250 {
            let key = format!("{{key}}{number}");
            assert_eq!(old.command(&["SET", &key, "value"]).await, "OK");
        }
        let new = cluster.move_slot_of("{key}").await;
        assert_ne!(new.port(), old.port());
        assert_eq!(new.command(&["GET", "{key}249"]).await, "value");
        let moved = old.try_command(&["GET", "{key}0"]).await.unwrap_err();
        let moved = moved.to_string();
        assert!(moved.starts_with("MOVED "), "{moved}");
        assert!(moved.ends_with(&new.addr().to_string()), "{moved}");
        cluster.wait_ok().await;
        assert_eq!(cluster.master_of("{key}").await.port(), new.port());
    }
}

/// Tests spawn tasks that wait for these.
#[tokio::test]
async fn futures_go_to_other_threads() {
    fn goes<T: Send>(future: T) {
        drop(future);
    }
    goes(Cluster::start_or_skip());
    goes(Sentinels::start_or_skip());
    let of_cluster = |cluster: &'static Cluster| {
        goes(cluster.wait_ok());
        goes(cluster.kill_master_of("key"));
        goes(cluster.move_slot_of("key"));
    };
    let of_sentinels = |sentinels: &'static Sentinels| {
        goes(sentinels.failover());
        goes(sentinels.kill_master());
    };
    let _ = (of_cluster, of_sentinels);
}
