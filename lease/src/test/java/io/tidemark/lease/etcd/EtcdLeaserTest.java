package io.tidemark.lease.etcd;

import static io.tidemark.lease.etcd.EtcdClient.bytes;
import static org.assertj.core.api.Assertions.assertThat;

import io.etcd.jetcd.Client;
import io.etcd.jetcd.options.PutOption;
import io.tidemark.lease.Acquisition;
import io.tidemark.lease.BootClock;
import io.tidemark.lease.Change;
import io.tidemark.lease.Lease;
import io.tidemark.lease.LeaseTimes;
import io.tidemark.lease.Leaser;
import io.tidemark.lease.LeaserConformance;
import io.tidemark.lease.LeaserTestBed;
import io.tidemark.lease.Owner;
import io.tidemark.lease.Renewal;
import io.tidemark.lease.Stored;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The contract, on a real etcd. */
class EtcdLeaserTest extends LeaserConformance {
  private static final AtomicInteger PREFIXES = new AtomicInteger();
  private static EtcdServer server;
  private static Client raw;

  @BeforeAll
  static void start(@TempDir Path dir) throws Exception {
    server = EtcdServer.start(dir);
    raw = Client.builder().endpoints(server.url()).build();
  }

  @AfterAll
  static void stop() {
    raw.close();
    server.close();
  }

  @Override
  protected LeaserTestBed newBed() {
    return new Bed();
  }

  static EtcdOptions options(List<URI> endpoints, String prefix, Duration ttl) {
    return new EtcdOptions(
        endpoints, prefix, ttl, Optional.empty(), Optional.empty(), Duration.ofSeconds(5));
  }

  @Test
  void theServerEndsAnOwnershipAfterItsHolderHasGivenItUp() throws Exception {
    Owner one = new Owner("one", "nonce 1", "http://one");
    Owner two = new Owner("two", "nonce 2", "http://two");
    BootClock clock = BootClock.monotonic();
    EtcdOptions options = options(List.of(server.url()), "/expiry", Duration.ofSeconds(1));
    try (EtcdLeaser first = new EtcdLeaser(options, clock);
        EtcdLeaser second = new EtcdLeaser(options, clock)) {
      second.read();
      Acquisition.Acquired acquired =
          (Acquisition.Acquired) first.acquire(first.read(), "record", one);
      Renewal.Renewed granted = acquired.lease().granted();
      assertThat(granted.ttl()).isEqualTo(Duration.ofSeconds(1));
      long deadline = LeaseTimes.of(granted.ttl()).deadline(granted.sentAt());

      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
      Acquisition next;
      do {
        next = second.acquire(second.read(), "record 2", two);
        assertThat(System.nanoTime() - end).as("somebody gets in").isNegative();
      } while (!(next instanceof Acquisition.Acquired));

      assertThat(clock.nanos() - deadline).isPositive();
      assertThat(second.read().owner()).contains(two);
      assertThat(acquired.lease().renew(Duration.ofSeconds(5))).isInstanceOf(Renewal.Lost.class);
    }
  }

  @Test
  void whatWasPreparedIsUsedAsLongAsItIsFreshAndItsTimeCountsFromThen() throws Exception {
    Owner owner = new Owner("node", "nonce", "http://node");
    BootClock clock = BootClock.monotonic();
    Duration ttl = Duration.ofSeconds(4);
    try (EtcdLeaser leaser =
        new EtcdLeaser(options(List.of(server.url()), "/prepared", ttl), clock)) {
      Stored before = leaser.read();
      leaser.prepare();
      long prepared = clock.nanos();
      Acquisition.Acquired acquired =
          (Acquisition.Acquired) leaser.acquire(before, "record", owner);
      assertThat(acquired.lease().granted().sentAt()).isLessThanOrEqualTo(prepared);
      assertThat(acquired.lease().renew(Duration.ofSeconds(2))).isInstanceOf(Renewal.Renewed.class);
      acquired.lease().release(acquired.revision(), "record 2");

      leaser.prepare();
      Thread.sleep(ttl.toMillis() / 3);
      long begin = clock.nanos();
      Acquisition.Acquired again =
          (Acquisition.Acquired) leaser.acquire(leaser.read(), "record 3", owner);
      assertThat(again.lease().granted().sentAt()).isGreaterThanOrEqualTo(begin);
    }
  }

  @Test
  void aKeyThatWasWrittenAgainWithoutItsLeaseIsNotOursAnyMore() throws Exception {
    Owner owner = new Owner("node", "nonce", "http://node");
    try (EtcdLeaser leaser =
        new EtcdLeaser(
            options(List.of(server.url()), "/overwritten", Duration.ofSeconds(60)),
            BootClock.monotonic())) {
      Acquisition.Acquired acquired =
          (Acquisition.Acquired) leaser.acquire(leaser.read(), "record", owner);
      String same = "{\"node\":\"node\",\"nonce\":\"nonce\",\"url\":\"http://node\"}";
      raw.getKVClient()
          .put(bytes("/overwritten/primary"), bytes(same), PutOption.DEFAULT)
          .get(5, TimeUnit.SECONDS);

      assertThat(leaser.read().owner()).contains(owner);
      assertThat(acquired.lease().renew(Duration.ofSeconds(2))).isInstanceOf(Renewal.Lost.class);
      assertThat(acquired.lease().change(acquired.revision(), "wrong"))
          .isInstanceOf(Change.Lost.class);
    }
  }

  private static final class Bed implements LeaserTestBed {
    private final String prefix = "/test/" + PREFIXES.incrementAndGet();
    private final LossyCalls calls = new LossyCalls();
    private final List<Leaser> leasers = new ArrayList<>();

    @Override
    public Leaser newLeaser() throws Exception {
      Leaser leaser =
          new EtcdLeaser(
              options(List.of(server.url()), prefix, Duration.ofSeconds(60)),
              clock(),
              builder -> builder.interceptor(calls));
      leasers.add(leaser);
      return leaser;
    }

    @Override
    public BootClock clock() {
      return BootClock.monotonic();
    }

    /** The server does by hand what it does at the end of the TTL. */
    @Override
    public void awaitExpiry(Lease lease, Leaser observer) throws Exception {
      long leaseId =
          raw.getKVClient()
              .get(bytes(prefix + "/primary"))
              .get(5, TimeUnit.SECONDS)
              .getKvs()
              .get(0)
              .getLease();
      raw.getLeaseClient().revoke(leaseId).get(5, TimeUnit.SECONDS);
    }

    @Override
    public boolean endsByTime() {
      return false; // Not in the time of a test; see the test above.
    }

    @Override
    public void lose(Loss loss) {
      calls.lose(loss);
    }

    @Override
    public void deliverLate() {
      calls.deliverLate();
    }

    @Override
    public void takeAway() throws InterruptedException {
      server.kill();
    }

    @Override
    public void bringBack() throws Exception {
      server.run();
      server.awaitPort();
    }

    @Override
    public void deleteRecord() throws IOException {
      delete("/record");
    }

    @Override
    public void deleteOwnership() throws IOException {
      delete("/primary");
    }

    private void delete(String key) throws IOException {
      try {
        raw.getKVClient().delete(bytes(prefix + key)).get(5, TimeUnit.SECONDS);
      } catch (Exception e) {
        throw new IOException(e);
      }
    }

    @Override
    public void close() {
      leasers.forEach(Leaser::close);
    }
  }
}
