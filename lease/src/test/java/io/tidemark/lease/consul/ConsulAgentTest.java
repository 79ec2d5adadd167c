package io.tidemark.lease.consul;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.lease.BootClock;
import io.tidemark.lease.Lease;
import io.tidemark.lease.Leaser;
import io.tidemark.lease.LeaserConformance;
import io.tidemark.lease.LeaserTestBed;
import io.tidemark.lease.Owner;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/**
 * The contract, on a real agent, if there is one: no package brings it, so CI does not run this.
 * The variable is that of Consul's own programs, {@code http://HOST:PORT} or {@code HOST:PORT}; a
 * token is taken from {@code CONSUL_HTTP_TOKEN}. Keys are made below {@code tidemark-test/} and
 * deleted.
 */
@EnabledIfEnvironmentVariable(named = "CONSUL_HTTP_ADDR", matches = ".+")
class ConsulAgentTest extends LeaserConformance {
  @Override
  protected LeaserTestBed newBed() throws Exception {
    return new Bed();
  }

  private static final class Bed implements LeaserTestBed {
    private final URI agent;
    private final Optional<String> token =
        Optional.ofNullable(System.getenv("CONSUL_HTTP_TOKEN")).filter(text -> !text.isEmpty());
    private final String key = "tidemark-test/" + Owner.newNonce();
    private final ConsulOptions options;
    private AgentProxy proxy;

    Bed() throws IOException {
      String address = System.getenv("CONSUL_HTTP_ADDR");
      agent = URI.create(address.contains("://") ? address : "http://" + address);
      proxy = new AgentProxy(agent, 0);
      options =
          new ConsulOptions(
              proxy.url(),
              key,
              Duration.ofSeconds(10),
              Duration.ZERO,
              token,
              Optional.empty(),
              Duration.ofSeconds(5));
    }

    @Override
    public Leaser newLeaser() {
      return new ConsulLeaser(options, clock());
    }

    @Override
    public BootClock clock() {
      return BootClock.monotonic();
    }

    /** The session is destroyed by hand: the agent's own time is too long for a test. */
    @Override
    public void awaitExpiry(Lease lease, Leaser observer) throws Exception {
      String session = ((ConsulLease) lease).session();
      assertThat(call("PUT", "/v1/session/destroy/" + session)).isEqualTo(200);
    }

    @Override
    public boolean endsByTime() {
      return false;
    }

    @Override
    public void lose(Loss loss) {
      proxy.lose(loss);
    }

    @Override
    public void deliverLate() throws Exception {
      proxy.deliverLate();
    }

    @Override
    public void takeAway() {
      proxy.close();
    }

    @Override
    public void bringBack() throws IOException {
      proxy = new AgentProxy(agent, options.url().getPort());
    }

    @Override
    public void deleteRecord() throws IOException {
      call("DELETE", "/v1/kv/" + key + "/record");
    }

    @Override
    public void deleteOwnership() throws IOException {
      call("DELETE", "/v1/kv/" + key + "/primary");
    }

    private int call(String method, String path) throws IOException {
      HttpRequest.Builder request =
          HttpRequest.newBuilder(URI.create(agent + path))
              .method(method, HttpRequest.BodyPublishers.noBody());
      token.ifPresent(text -> request.header("X-Consul-Token", text));
      try {
        return HttpClient.newHttpClient()
            .send(request.build(), HttpResponse.BodyHandlers.discarding())
            .statusCode();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException(e);
      }
    }

    @Override
    public void close() throws IOException {
      call("DELETE", "/v1/kv/" + key + "?recurse=true");
      proxy.close();
    }
  }
}
