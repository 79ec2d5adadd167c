package io.tidemark.node.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tidemark.database.Divergence;
import io.tidemark.node.config.HostPort;
import io.tidemark.node.config.NodeConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The status page in a real browser. */
@Timeout(120)
class StatusPageBrowserTest {
  private static final String HOSTILE = "<img src=x onerror=alert(1)>\"'&amp;.db";

  @TempDir Path dir;
  private FakeNode node;
  private ApiServer server;
  private Browser browser;

  @BeforeEach
  void start() throws Exception {
    if (!Browser.isInstalled()) {
      System.out.println("NOT RUN: needs the program chromium");
    }
    assumeTrue(Browser.isInstalled());
    node = new FakeNode(Files.createDirectory(dir.resolve("data")));
    node.put("app.db", new byte[1 << 20]);
    node.put(HOSTILE, new byte[8192]);
    node.replication = ReplicationSamples.serving(1_500_000_000);
    browser = new Browser(Files.createDirectory(dir.resolve("profile")));
  }

  private String serve(String token) throws Exception {
    server =
        ApiServer.start(
            new NodeConfig.Http(new HostPort("127.0.0.1", 0), null, token, false),
            node,
            ApiLimits.defaults());
    return "http://127.0.0.1:" + server.port() + "/";
  }

  @AfterEach
  void stop() throws Exception {
    if (browser != null) {
      browser.close();
    }
    if (server != null) {
      server.close();
    }
  }

  private Object text(String id) throws Exception {
    return browser.value("document.getElementById('" + id + "').innerText");
  }

  @Test
  void itShowsThePrimaryWithItsReplicasDatabasesAndEvents() throws Exception {
    node.divergences =
        List.of(
            new Divergence(
                "app.db",
                4,
                6,
                1,
                1,
                1L << 63,
                Instant.EPOCH,
                "epoch 2 began after transaction 3",
                true,
                1000,
                Path.of("/var/lib/tidemark/divergent/app.db-1")));
    browser.open(serve(null));
    browser.await("document.getElementById('databases')?.rows.length === 3");
    browser.await("document.getElementById('events')?.childElementCount > 0");
    node.events.primaryChanged(true, "<b>box</b>");
    browser.await("document.getElementById('events').innerText.includes('<b>box</b>')");
    assertThat(text("role")).isEqualTo("primary");
    assertThat(text("databases").toString())
        .contains("app.db", "0000000000000003", "8000000000000000", "1.0 MiB", "ok")
        .contains(HOSTILE);
    assertThat(text("nodes").toString())
        .contains("00000000000000aa", "00000000000000dd", "192.0.2.7", "1500 ms", "1.5 ms");
    assertThat(text("divergences").toString()).contains("0000000000000006", "epoch 2 began");
    assertThat(browser.value("document.querySelectorAll('svg.line polyline').length"))
        .isEqualTo(3L);
    // Nothing that came as data has become an element, and nothing was stopped or went wrong.
    assertThat(browser.value("document.querySelectorAll('img, b, iframe').length")).isEqualTo(0L);
    assertThat(browser.complaints()).isEmpty();
    browser.screenshot(Path.of("target", "status-page-primary.png"));
  }

  @Test
  void aReplicaShowsWhatItFollowsAndWhenTheNodeIsGoneItSaysSo() throws Exception {
    node.primary = false;
    node.replication = ReplicationSamples.following(false, 90_000_000_000L);
    browser.open(serve(null));
    browser.await("document.getElementById('databases')?.rows.length === 3");
    assertThat(text("role")).isEqualTo("replica");
    assertThat(text("node").toString())
        .contains("http://one:20202 (not connected: Connection refused)")
        .contains("90 s");
    browser.screenshot(Path.of("target", "status-page-replica.png"));
    server.close();
    browser.await("!document.getElementById('trouble').hidden");
    assertThat(text("trouble").toString()).contains("does not answer");
    assertThat(text("databases").toString()).contains("app.db");
  }

  @Test
  void aTokenIsAskedForAndNotShown() throws Exception {
    browser.open(serve("s3cret"));
    browser.await("document.getElementById('token')?.hidden === false");
    assertThat(text("databases").toString()).isEmpty();
    browser.value(
        "document.getElementById('token-text').value = 's3cret';"
            + " document.getElementById('token-use').click()");
    browser.await("document.getElementById('databases')?.rows.length === 3");
    browser.await("document.getElementById('token').hidden");
    assertThat(browser.value("document.documentElement.outerHTML").toString())
        .doesNotContain("s3cret");
  }

  @Test
  void scriptsThatAreNotThePagesOwnDoNotRun() throws Exception {
    browser.open(serve(null));
    browser.await("document.getElementById('databases')?.rows.length === 3");
    browser.value(
        "document.body.insertAdjacentHTML('beforeend',"
            + " '<img src=x onerror=\"document.title=1\"><p style=\"color:red\">x</p>')");
    browser.await("true");
    Thread.sleep(200);
    assertThat(browser.value("document.title").toString()).contains("Tidemark");
    assertThat(browser.complaints()).isNotEmpty().allMatch(c -> c.contains("Content Security"));
  }
}
