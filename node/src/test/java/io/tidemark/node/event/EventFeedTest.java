package io.tidemark.node.event;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.DatabasePosition;
import io.tidemark.database.Divergence;
import io.tidemark.database.Store;
import io.tidemark.database.StoreOptions;
import io.tidemark.node.json.Json;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class EventFeedTest {
  @TempDir Path dir;
  private final EventFeed feed = new EventFeed(true, null, 2);

  @AfterEach
  void close() {
    feed.close();
  }

  /** Keeps lines, as long as there is room. */
  private static final class Lines implements EventFeed.Listener {
    final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
    volatile boolean full;

    @Override
    public boolean offer(List<byte[]> more) {
      more.forEach(this::last);
      return !full;
    }

    @Override
    public void last(byte[] line) {
      lines.add(new String(line, StandardCharsets.UTF_8));
    }

    String next() throws InterruptedException {
      return lines.poll(30, TimeUnit.SECONDS);
    }
  }

  private static String text(Event event) {
    return Json.write(event.json());
  }

  @Test
  void transactionsHaveTheShapeOfLitefs() {
    DatabasePosition position = new DatabasePosition(2, 0x27, 0x83b05ba248774767L, 4096, 2);
    assertThat(text(new Event.Tx("db", position, 1691187044345L)))
        .isEqualTo(
            "{\"type\":\"tx\",\"db\":\"db\",\"data\":{\"txID\":\"0000000000000027\","
                + "\"postApplyChecksum\":\"83b05ba248774767\",\"pageSize\":4096,\"commit\":2,"
                + "\"timestamp\":\"2023-08-04T22:10:44.345Z\"}}");
  }

  @Test
  void aDivergenceSaysWhatWasSetAsideAndWhere() {
    Divergence divergence =
        new Divergence(
            "app.db",
            4,
            6,
            1,
            1,
            -1L,
            Instant.EPOCH,
            "the primary has others",
            false,
            9,
            Path.of("/data/divergent/x"));
    assertThat(new Event.Diverged(divergence).json())
        .containsEntry("type", "divergence")
        .containsEntry("db", "app.db")
        .extractingByKey("data")
        .isEqualTo(
            Map.of(
                "id", "x",
                "firstTxID", "0000000000000004",
                "lastTxID", "0000000000000006",
                "postApplyChecksum", "ffffffffffffffff",
                "path", "/data/divergent/x",
                "why", "the primary has others"));
  }

  @Test
  void commitsOfAStoreAreHeard() throws Exception {
    Path file = dir.resolve("source.db");
    try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
        Statement statement = connection.createStatement()) {
      statement.execute("CREATE TABLE t(x)");
    }
    Lines lines = new Lines();
    try (Store store = Store.open(StoreOptions.defaults(dir.resolve("data")))) {
      store.addCommitListener(feed);
      assertThat(feed.subscribe(lines)).isTrue();
      assertThat(lines.next()).contains("\"init\"", "\"hostname\":\"\"");
      Instant before = Instant.now().minusMillis(1);
      store.importDatabase("app.db", file);
      String line = lines.next();
      assertThat(line).contains("\"tx\"", "\"db\":\"app.db\"", "\"txID\":\"0000000000000001\"");
      Map<?, ?> data = (Map<?, ?>) ((Map<?, ?>) Json.parse(line)).get("data");
      assertThat(Instant.parse((String) data.get("timestamp"))).isBetween(before, Instant.now());
    }
  }

  @Test
  void aListenerWithoutRoomHearsOneLastLineAndTheOthersGoOn() throws Exception {
    Lines slow = new Lines();
    Lines fast = new Lines();
    feed.subscribe(slow);
    feed.subscribe(fast);
    assertThat(feed.subscribe(new Lines())).isFalse();
    slow.full = true;
    feed.primaryChanged(false, "one");
    fast.next();
    assertThat(fast.next()).contains("\"primaryChange\"", "\"one\"");
    feed.primaryChanged(false, "two");
    assertThat(fast.next()).contains("\"two\"");
    assertThat(feed.listeners()).isEqualTo(1);
    assertThat(slow.lines).hasSize(3);
    assertThat(slow.lines).last().asString().contains("\"error\"", "GET /status");
  }

  @Test
  void aListenerThatComesLaterHearsTheRoleOfNow() throws Exception {
    feed.primaryChanged(false, "one");
    Lines lines = new Lines();
    feed.subscribe(lines);
    assertThat(lines.next()).contains("\"init\"", "\"isPrimary\":false", "\"one\"");
  }

  @Test
  void moreThanCanBeNotedIsSaidToAll() throws Exception {
    Lines lines = new Lines();
    feed.subscribe(lines);
    synchronized (feed) { // delivery waits
      for (int i = 0; i < 30_000; i++) {
        feed.note(new Event.PrimaryChange(true, "x"));
      }
    }
    while (feed.listeners() > 0) {
      Thread.sleep(1);
    }
    assertThat(lines.lines).hasSizeLessThan(20_000).last().asString().contains("\"error\"");
  }
}
