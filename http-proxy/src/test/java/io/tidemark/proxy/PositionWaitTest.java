package io.tidemark.proxy;

import static io.tidemark.proxy.ProxyBed.post;
import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.proxy.Primaries.Standing;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Nobody is shown less than what they have written or seen. */
class PositionWaitTest {
  @RegisterExtension final ProxyBed bed = new ProxyBed();
  private RawApplication application;
  private ProxyServer proxy;
  private RawConnection client;

  @BeforeEach
  void start() throws IOException {
    bed.positions.set("app.db", 2, 5);
    application = bed.application(RawApplication.ECHO);
    proxy = bed.proxy(application);
    client = bed.client(proxy);
  }

  private static String get(String path, String cookie) {
    return "GET " + path + " HTTP/1.1\r\nHost: a\r\nCookie: x=y; __txid=" + cookie + "\r\n\r\n";
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "app.db:2-5",
        "app.db:1-ff",
        "0000000000000005",
        "other.db:9-9",
        "",
        "rubbish",
        "app.db:2-4|other.db:1-1",
      })
  void aReadThatHasAllThatItNeedsDoesNotWait(String cookie) throws Exception {
    assertThat(client.send(get("/", cookie)).message()).startsWith("HTTP/1.1 200 ");
    assertThat(proxy.counters().waited()).isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {"app.db:2-6", "app.db:3-1", "0000000000000006", "x:1-1|app.db:2-6"})
  void aReadThatComesTooEarlyWaitsAndIsServedAtOnceThen(String cookie) throws Exception {
    bed.positionTimeout = Duration.ofSeconds(20);
    client = bed.client(bed.proxy(application));
    client.send(get("/", cookie));
    assertThat(client.isSilent(120)).isTrue();
    bed.positions.set("other.db", 1, 1);
    long begin = System.nanoTime();
    bed.positions.set("app.db", 3, 6);
    assertThat(client.message()).startsWith("HTTP/1.1 200 ");
    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofMillis(60));
  }

  @Test
  void aReadThatWaitsInVainIsToldSo() throws Exception {
    String answer = client.send(get("/", "app.db:2-6")).message();
    assertThat(answer).startsWith("HTTP/1.1 504 ").contains("\"hint\"");
    assertThat(application.requests).hasValue(0);
    assertThat(proxy.counters().waited()).isEqualTo(1);
    assertThat(proxy.counters().waitedNanos()).isGreaterThan(300_000_000);
    assertThat(client.send(ProxyBed.get("/")).message()).as("same connection").contains(" 200 ");
  }

  @Test
  void aClientThatGoesAwayWaitsNoMore() throws Exception {
    client.send(get("/", "app.db:2-6"));
    assertThat(client.isSilent(50)).isTrue();
    client.close();
    Thread.sleep(50);
    bed.positions.set("app.db", 2, 6);
    Thread.sleep(50);
    assertThat(application.requests).hasValue(0);
  }

  @Test
  void whatIsOnlyPassedOnAndWhatWritesDoesNotWait() throws Exception {
    assertThat(client.send(get("/a.png", "app.db:2-6")).message()).contains(" 200 ");
    assertThat(client.send(get("/admin/", "app.db:2-6")).message()).contains(" 200 ");
  }

  @Test
  void aWriteSaysWhatHasToBeSeenAndAReadDoesNot() throws Exception {
    bed.positions.set("log.db", 2, 0x1f);
    String head = client.send(post("/", "x")).message();
    assertThat(RawConnection.header(head, "set-cookie"))
        .isEqualTo("__txid=app.db:2-5|log.db:2-1f; Path=/; Max-Age=300; HttpOnly; SameSite=Lax");
    assertThat(client.send(ProxyBed.get("/")).message()).doesNotContainIgnoringCase("set-cookie");
    assertThat(client.send(post("/a.png", "x")).message()).doesNotContainIgnoringCase("set-cookie");
    assertThat(client.send(ProxyBed.get("/admin/")).message()).containsIgnoringCase("set-cookie");
  }

  @Test
  void onlyTheNamedDatabasesAreInTheCookieAndThePlainFormMeansTheFirst() throws Exception {
    bed.databases = List.of("log.db", "none.db");
    bed.positions.set("log.db", 2, 0x1f);
    client = bed.client(bed.proxy(application));
    assertThat(client.send(post("/", "x")).message()).contains("__txid=log.db:2-1f; ");
    assertThat(client.send(get("/", "000000000000001f")).message()).contains(" 200 ");
    assertThat(client.send(get("/", "0000000000000020")).message()).contains(" 504 ");
  }

  @Test
  void manyDatabasesAreNotPutIntoACookieUnlessTheyAreNamed() throws Exception {
    for (int i = 0; i < 20; i++) {
      bed.positions.set("t" + i, 1, 1);
    }
    assertThat(client.send(post("/", "x")).message()).doesNotContainIgnoringCase("set-cookie");
  }

  @Test
  void theCookieOfAnApplicationStays() throws Exception {
    RawApplication other =
        bed.application(
            (connection, head) -> {
              connection.body(head);
              connection.send("HTTP/1.1 302 Found\r\nSet-Cookie: s=1\r\nContent-Length: 0\r\n\r\n");
              return true;
            });
    String head = bed.client(bed.proxy(other)).send(post("/", "x")).head();
    assertThat(head).contains("Set-Cookie: s=1\r\n").contains("set-cookie: __txid=app.db:2-5;");
  }

  @Test
  void readsAreServedWhileNobodyMayWrite() throws Exception {
    bed.primaries.set(Standing.NOBODY);
    assertThat(client.send(get("/", "app.db:2-5")).message()).startsWith("HTTP/1.1 200 ");
  }
}
