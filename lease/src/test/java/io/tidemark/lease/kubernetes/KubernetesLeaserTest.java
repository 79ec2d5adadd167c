package io.tidemark.lease.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.lease.BootClock;
import io.tidemark.lease.Lease;
import io.tidemark.lease.Leaser;
import io.tidemark.lease.LeaserConformance;
import io.tidemark.lease.LeaserTestBed;
import io.tidemark.lease.ManualClock;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;

/** The contract, on an API server that checks versions. */
class KubernetesLeaserTest extends LeaserConformance {
  static final Duration TTL = Duration.ofSeconds(10);

  @Override
  protected LeaserTestBed newBed() throws Exception {
    return new Bed();
  }

  static KubernetesOptions options(URI url) {
    return new KubernetesOptions(
        url, "test", "tidemark", TTL, Optional.empty(), Optional.empty(), Duration.ofSeconds(5));
  }

  private static final class Bed implements LeaserTestBed {
    private final ManualClock clock = new ManualClock();
    private final int port;
    private FakeApiServer server;

    Bed() throws IOException {
      server = new FakeApiServer(0);
      port = server.port();
    }

    @Override
    public Leaser newLeaser() {
      return new KubernetesLeaser(options(server.url()), clock, InstantSource.system());
    }

    @Override
    public BootClock clock() {
      return clock;
    }

    @Override
    public void awaitExpiry(Lease lease, Leaser observer) throws Exception {
      assertThat(observer.read().owner()).contains(lease.owner());
      clock.advance(TTL.minusMillis(1));
      assertThat(observer.read().owner()).contains(lease.owner());
      clock.advance(Duration.ofMillis(1));
    }

    @Override
    public void lose(Loss loss) {
      server.lose(loss);
    }

    @Override
    public void deliverLate() throws IOException {
      server.deliverLate();
    }

    @Override
    public void takeAway() {
      server.close();
    }

    @Override
    public void bringBack() throws IOException {
      FakeApiServer before = server;
      server = new FakeApiServer(port);
      server.takeOver(before);
    }

    @Override
    public void deleteRecord() {
      server.deleteLease("tidemark");
    }

    @Override
    public void deleteOwnership() {
      server.changeSpec("tidemark", "holderIdentity", "");
    }

    @Override
    public boolean recordIsApart() {
      return false;
    }

    @Override
    public void close() {
      server.close();
    }
  }
}
