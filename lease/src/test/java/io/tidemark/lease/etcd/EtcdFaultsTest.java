package io.tidemark.lease.etcd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.etcd.jetcd.Client;
import io.tidemark.lease.Acquisition;
import io.tidemark.lease.BootClock;
import io.tidemark.lease.Lease;
import io.tidemark.lease.LeaseKeeper;
import io.tidemark.lease.LeaseState;
import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.LeaseTimes;
import io.tidemark.lease.Owner;
import io.tidemark.lease.Renewal;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Servers that stop, and a cluster that loses its leader. */
@Timeout(60)
class EtcdFaultsTest {
  private static final Owner OWNER = new Owner("node", "nonce", "http://node");
  private static final BootClock CLOCK = BootClock.monotonic();

  @TempDir Path dir;

  private static Acquisition.Acquired acquire(EtcdLeaser leaser) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (true) {
      try {
        return (Acquisition.Acquired) leaser.acquire(leaser.read(), "record", OWNER);
      } catch (LeaseStoreException e) {
        if (System.nanoTime() - end > 0) {
          throw e;
        }
        Thread.sleep(50); // The cluster is still choosing its first leader.
      }
    }
  }

  /** A request that is sent to the server that stopped gets no answer; the next one may. */
  private static Renewal renew(Lease lease) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (true) {
      try {
        return lease.renew(Duration.ofSeconds(1));
      } catch (LeaseStoreException e) {
        if (e.kind() != LeaseStoreException.Kind.UNREACHABLE || System.nanoTime() - end > 0) {
          throw e;
        }
      }
    }
  }

  @Test
  void aServerThatStopsAnsweringCostsTheLeaseAtItsDeadlineAndNotLater() throws Exception {
    try (EtcdServer server = EtcdServer.start(dir);
        EtcdLeaser leaser =
            new EtcdLeaser(
                EtcdLeaserTest.options(List.of(server.url()), "/p", Duration.ofSeconds(2)),
                CLOCK)) {
      Acquisition.Acquired acquired = acquire(leaser);
      CountDownLatch lost = new CountDownLatch(1);
      List<Long> lostAt = new CopyOnWriteArrayList<>();
      try (LeaseKeeper keeper =
          new LeaseKeeper(
              acquired.lease(),
              CLOCK,
              reason -> {
                lostAt.add(CLOCK.nanos());
                lost.countDown();
              })) {
        keeper.start();
        Thread.sleep(700); // Some renewals.
        server.signal("STOP");
        assertThat(lost.await(10, TimeUnit.SECONDS)).isTrue();

        assertThat(keeper.state()).isEqualTo(LeaseState.LOST);
        assertThat(keeper.isHeld()).isFalse();
        long late = lostAt.get(0) - keeper.deadline();
        assertThat(late).isBetween(0L, TimeUnit.SECONDS.toNanos(1));
      }
    }
  }

  @Test
  void aClusterWhoseLeaderStopsKeepsTheLease() throws Exception {
    List<EtcdServer> servers = EtcdServer.startCluster(dir, 3);
    try {
      List<URI> endpoints = servers.stream().map(EtcdServer::url).toList();
      try (EtcdLeaser leaser =
          new EtcdLeaser(EtcdLeaserTest.options(endpoints, "/p", Duration.ofSeconds(5)), CLOCK)) {
        Acquisition.Acquired acquired = acquire(leaser);
        List<String> losses = new CopyOnWriteArrayList<>();
        try (LeaseKeeper keeper = new LeaseKeeper(acquired.lease(), CLOCK, losses::add)) {
          keeper.start();
          EtcdServer leader = leader(servers);
          leader.signal("STOP");

          long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(7);
          long least = Long.MAX_VALUE;
          while (System.nanoTime() - end < 0) {
            assertThat(keeper.isHeld()).as("%s", keeper.reason()).isTrue();
            least = Math.min(least, keeper.deadline() - CLOCK.nanos());
            Thread.sleep(20);
          }
          assertThat(losses).isEmpty();
          System.err.printf(
              "etcd's leader stopped: at the least %d ms of %d were left%n",
              TimeUnit.NANOSECONDS.toMillis(least),
              LeaseTimes.of(Duration.ofSeconds(5)).deadline(0) / 1_000_000);
          assertThat(renew(acquired.lease())).isInstanceOf(Renewal.Renewed.class);
        }
      }
    } finally {
      servers.forEach(EtcdServer::close);
    }
  }

  private static EtcdServer leader(List<EtcdServer> servers) throws Exception {
    for (EtcdServer server : servers) {
      try (Client client = Client.builder().endpoints(server.url()).build()) {
        var status =
            client
                .getMaintenanceClient()
                .statusMember(server.url().toString())
                .get(10, TimeUnit.SECONDS);
        if (status.getLeader() == status.getHeader().getMemberId()) {
          return server;
        }
      }
    }
    throw new AssertionError("no leader");
  }

  @Test
  void endpointsOfTwoClustersAreNotTakenForOneStore() throws Exception {
    try (EtcdServer one = EtcdServer.start(dir.resolve("one"));
        EtcdServer two = EtcdServer.start(dir.resolve("two"));
        EtcdLeaser leaser =
            new EtcdLeaser(
                EtcdLeaserTest.options(List.of(one.url(), two.url()), "/p", Duration.ofSeconds(10)),
                CLOCK)) {
      assertThatThrownBy(
              () -> {
                // The first connection that stands is asked alone until the other one does.
                long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
                while (System.nanoTime() - end < 0) {
                  leaser.read();
                }
              })
          .isInstanceOfSatisfying(
              LeaseStoreException.class,
              e -> assertThat(e.kind()).isEqualTo(LeaseStoreException.Kind.WRONG_STORE));
    }
  }
}
