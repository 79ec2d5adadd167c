package io.tidemark.lease.consul;

import io.tidemark.lease.BootClock;
import io.tidemark.lease.Lease;
import io.tidemark.lease.Leaser;
import io.tidemark.lease.LeaserConformance;
import io.tidemark.lease.LeaserTestBed;
import io.tidemark.lease.ManualClock;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;

/** The contract, on the fake of Consul. */
class ConsulLeaserTest extends LeaserConformance {
  private static final Duration TTL = Duration.ofSeconds(10);
  private static final Duration LOCK_DELAY = Duration.ofSeconds(1);

  @Override
  protected LeaserTestBed newBed() throws Exception {
    return new Bed();
  }

  static ConsulOptions options(URI url, Optional<String> token) {
    return new ConsulOptions(
        url,
        "tidemark/test cluster",
        TTL,
        LOCK_DELAY,
        token,
        Optional.empty(),
        Duration.ofSeconds(2));
  }

  private static final class Bed implements LeaserTestBed {
    private final ManualClock clock = new ManualClock();
    private final int port;
    private FakeConsul consul;

    Bed() throws IOException {
      consul = new FakeConsul(clock, 0);
      port = consul.port();
    }

    @Override
    public Leaser newLeaser() {
      return new ConsulLeaser(options(consul.url(), Optional.empty()), clock);
    }

    @Override
    public BootClock clock() {
      return clock;
    }

    @Override
    public void awaitExpiry(Lease lease, Leaser observer) throws Exception {
      clock.advance(TTL.multipliedBy(2));
      observer.read(); // The fake ends sessions at requests; the lock delay begins then.
      clock.advance(LOCK_DELAY);
    }

    @Override
    public void lose(Loss loss) {
      consul.lose(loss);
    }

    @Override
    public void deliverLate() throws IOException {
      consul.deliverLate();
    }

    @Override
    public void takeAway() {
      consul.close();
    }

    @Override
    public void bringBack() throws IOException {
      FakeConsul before = consul;
      consul = new FakeConsul(clock, port);
      consul.takeOver(before);
    }

    @Override
    public void deleteRecord() {
      consul.deleteKey("tidemark/test cluster/record");
    }

    @Override
    public void deleteOwnership() {
      consul.deleteKey("tidemark/test cluster/primary");
    }

    @Override
    public void close() {
      consul.close();
    }
  }
}
