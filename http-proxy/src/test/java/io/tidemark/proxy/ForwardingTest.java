package io.tidemark.proxy;

import static io.tidemark.proxy.ProxyBed.get;
import static io.tidemark.proxy.ProxyBed.ok;
import static io.tidemark.proxy.ProxyBed.post;
import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.proxy.Primaries.Standing;
import io.tidemark.proxy.ProxyCounters.Outcome;
import java.io.IOException;
import java.net.ServerSocket;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests that write, on nodes that may not, and while nobody may. */
class ForwardingTest {
  @RegisterExtension final ProxyBed bed = new ProxyBed();
  private final FakePrimaries replicaSees = new FakePrimaries();
  private final FakePrimaries primarySees = new FakePrimaries();
  private RawApplication onReplica;
  private RawApplication onPrimary;
  private FakeApi api;
  private ProxyServer replica;
  private ProxyServer primary;
  private RawConnection client;

  @BeforeEach
  void start() throws IOException {
    bed.positions.set("app.db", 2, 5);
    bed.primaryTimeout = Duration.ofMillis(500);
    onReplica = bed.application(RawApplication.ECHO);
    onPrimary = bed.application(RawApplication.ECHO);
    api = bed.closing(new FakeApi());
    startProxies();
    client = bed.client(replica);
  }

  private void startProxies() throws IOException {
    bed.nodeName = "two";
    primary = bed.proxy(onPrimary.port(), primarySees);
    api.proxy = primary;
    bed.nodeName = "one";
    replica = bed.proxy(onReplica.port(), replicaSees);
    replicaSees.elsewhere(api.port());
  }

  @Test
  void aWriteGoesToThePrimaryAndAReadDoesNot() throws Exception {
    String written = client.send(post("/x", "body")).message();
    assertThat(written)
        .startsWith("HTTP/1.1 200 ")
        .endsWith("body")
        .contains("x-forwarded-for: 127.0.0.1\r\n")
        .contains("1.1 tidemark-one, 1.1 tidemark-two")
        .contains("set-cookie: __txid=app.db:2-5;")
        .doesNotContainIgnoringCase("tidemark-hops");
    client.send(get("/y")).message();
    assertThat(onPrimary.requests).hasValue(1);
    assertThat(onReplica.requests).hasValue(1);
    for (int i = 0; i < 50; i++) {
      client.send(post("/x", "body")).message();
    }
    assertThat(api.upgrades).as("connections between the nodes").hasValue(1);
    assertThat(replica.counters().requests(Outcome.FORWARDED)).isEqualTo(51);
    assertThat(primary.counters().requests(Outcome.WRITE)).isEqualTo(51);
  }

  @Test
  void whatIsForwardedIsAWriteWhateverThePrimaryThinks() throws Exception {
    assertThat(client.send(get("/admin/x")).message()).contains("__txid");
    assertThat(onPrimary.requests).hasValue(1);
  }

  @Test
  void bodiesOfAnySizeAndChunksAndRefusalsPassBothHops() throws Exception {
    String large = "z".repeat(3_000_000);
    assertThat(client.send(post("/", large)).message()).endsWith(large);
    client.send(
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    assertThat(client.message()).endsWith("abc");
    client.send("HEAD /admin/ HTTP/1.1\r\nHost: a\r\n\r\n");
    assertThat(client.head()).startsWith("HTTP/1.1 200 ");
    assertThat(client.send(post("/", "x")).message()).endsWith("x");
  }

  @Test
  void anUpgradeIsTunnelledThroughThePrimary() throws Exception {
    RawApplication sockets = bed.application(null);
    api.proxy = bed.proxy(sockets.port(), primarySees);
    client.send(
        "GET /admin/ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    RawConnection asked = sockets.next();
    asked.head();
    asked.send("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhi");
    assertThat(client.head()).startsWith("HTTP/1.1 101 ");
    assertThat(client.bytes(2)).isEqualTo("hi");
    client.send("ho");
    assertThat(asked.bytes(2)).isEqualTo("ho");
    asked.close();
    assertThat(client.read()).isEqualTo(-1);
  }

  @Test
  void aClientThatGoesAwayEndsItsRequestOnThePrimary() throws Exception {
    RawApplication slow = bed.application(null);
    api.proxy = bed.proxy(slow.port(), primarySees);
    client.send(post("/", "x"));
    RawConnection asked = slow.next();
    asked.message();
    client.close();
    assertThat(asked.read()).isEqualTo(-1);
  }

  @Test
  void withFlyReplayTheRouterIsToldWhereToSendIt() throws Exception {
    bed.flyReplay = true;
    client = bed.client(bed.proxy(onReplica.port(), replicaSees));
    assertThat(client.send(post("/", "x")).message())
        .startsWith("HTTP/1.1 200 ")
        .contains("fly-replay: instance=other\r\n");
    assertThat(client.send(get("/")).message()).doesNotContain("fly-replay");
    assertThat(onPrimary.requests).hasValue(0);
  }

  // ------------------------------------------------------------------------- holding

  @Test
  void aWriteIsHeldUntilSomebodyMayWriteHere() throws Exception {
    replicaSees.set(Standing.NOBODY);
    client.send(post("/", "x"));
    assertThat(client.isSilent(100)).isTrue();
    long begin = System.nanoTime();
    replicaSees.set(Standing.HERE);
    assertThat(client.message()).startsWith("HTTP/1.1 200 ");
    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofMillis(60));
    assertThat(onReplica.requests).hasValue(1);
    assertThat(replica.counters().held()).isEqualTo(1);
  }

  @Test
  void aWriteIsHeldUntilSomebodyElseMayWrite() throws Exception {
    replicaSees.set(Standing.NOBODY);
    client.send(post("/", "y".repeat(200_000)));
    assertThat(client.isSilent(100)).isTrue();
    replicaSees.elsewhere(api.port());
    assertThat(client.message()).startsWith("HTTP/1.1 200 ").endsWith("yyy");
    assertThat(onPrimary.requests).hasValue(1);
  }

  @Test
  void aWriteThatIsHeldTooLongIsRefusedWithAHint() throws Exception {
    replicaSees.set(Standing.NOBODY);
    String answer = client.send(post("/", "x")).message();
    assertThat(answer)
        .startsWith("HTTP/1.1 503 ")
        .contains("retry-after: 1")
        .contains("Nothing was done")
        .contains("tidemark status");
    assertThat(client.send(get("/")).message()).as("same connection").contains(" 200 ");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aPrimaryThatCannotBeReachedIsTriedUntilThereIsAnotherOne(boolean another) throws Exception {
    try (ServerSocket closed = new ServerSocket(0)) {
      replicaSees.elsewhere(closed.getLocalPort());
    }
    client.send(post("/", "x"));
    if (another) {
      assertThat(client.isSilent(100)).isTrue();
      replicaSees.elsewhere(api.port());
      assertThat(client.message()).startsWith("HTTP/1.1 200 ");
    } else {
      assertThat(client.message()).startsWith("HTTP/1.1 503 ");
    }
  }

  @Test
  void aPrimaryWithoutAProxyIsNamedInTheRefusal() throws Exception {
    api.proxy = null;
    assertThat(client.send(post("/", "x")).message())
        .startsWith("HTTP/1.1 503 ")
        .contains("does not take forwarded requests");
  }

  @Test
  void aNodeThatIsNotPrimaryAnyMoreSendsRequestsOn() throws Exception {
    FakeApi third = bed.closing(new FakeApi());
    bed.nodeName = "three";
    RawApplication onThird = bed.application(RawApplication.ECHO);
    third.proxy = bed.proxy(onThird.port(), new FakePrimaries());
    primarySees.elsewhere(third.port());
    assertThat(client.send(post("/", "x")).message())
        .startsWith("HTTP/1.1 200 ")
        .contains("tidemark-one, 1.1 tidemark-two, 1.1 tidemark-three");
    assertThat(onThird.requests).hasValue(1);
  }

  @Test
  void twoNodesThatTakeEachOtherForThePrimaryHoldTheRequestUntilOneKnows() throws Exception {
    FakeApi replicaApi = bed.closing(new FakeApi());
    replicaApi.proxy = replica;
    primarySees.elsewhere(replicaApi.port());
    client.send(post("/", "x"));
    assertThat(client.isSilent(200)).isTrue();
    primarySees.set(Standing.HERE);
    assertThat(client.message()).startsWith("HTTP/1.1 200 ");
    assertThat(onPrimary.requests).hasValue(1);
    assertThat(onReplica.requests).hasValue(0);
    primarySees.elsewhere(replicaApi.port());
    assertThat(client.send(post("/", "x")).message()).startsWith("HTTP/1.1 503 ");
  }

  /** A handoff to the node that the client asks: its predecessor knows of it first. */
  @Test
  void whatComesBackToTheNodeThatIsBecomingPrimaryWaitsThereHoweverLargeItIs() throws Exception {
    bed.primaryTimeout = Duration.ofSeconds(30);
    startProxies();
    client = bed.client(replica);
    FakeApi replicaApi = bed.closing(new FakeApi());
    replicaApi.proxy = replica;
    primarySees.set(Standing.NOBODY);
    client.send(post("/", "y".repeat(200_000)));
    awaitHeld(primary);
    replicaSees.set(Standing.NOBODY);
    primarySees.elsewhere(replicaApi.port());
    awaitHeld(replica);
    replicaSees.set(Standing.HERE);
    assertThat(client.message()).startsWith("HTTP/1.1 200 ").endsWith("yyy");
    assertThat(onReplica.requests).hasValue(1);
  }

  private static void awaitHeld(ProxyServer proxy) throws InterruptedException {
    long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (proxy.counters().held() == 0) {
      assertThat(System.nanoTime()).as("a request that is held").isLessThan(deadline);
      Thread.sleep(5);
    }
  }

  // ------------------------------------------------------------------ changes and ends

  @Test
  void aHandoffWaitsForWhatWasBegunAndHoldsTheRest() throws Exception {
    RawApplication slow = bed.application(null);
    bed.nodeName = "two";
    ProxyServer old = bed.proxy(slow.port(), primarySees);
    api.proxy = old;
    client.send(post("/1", "x"));
    RawConnection asked = slow.next();
    asked.message();
    assertThat(old.holdWrites()).as("a write is under way").isFalse();
    RawConnection second = bed.client(replica).send(post("/2", "x"));
    assertThat(slow.hasNext(100)).as("another one begins").isFalse();
    asked.send(ok("first"));
    assertThat(client.message()).endsWith("first");
    assertThat(old.holdWrites()).isTrue();
    FakeApi next = bed.closing(new FakeApi());
    bed.nodeName = "three";
    next.proxy = bed.proxy(onPrimary.port(), new FakePrimaries());
    primarySees.elsewhere(next.port());
    old.releaseWrites();
    assertThat(second.message()).startsWith("HTTP/1.1 200 ");
    assertThat(onPrimary.requests).hasValue(1);
  }

  @Test
  void withoutASuccessorWritesGoOnWhereTheyWere() throws Exception {
    assertThat(primary.holdWrites()).isTrue();
    client.send(post("/", "x"));
    assertThat(client.isSilent(100)).isTrue();
    primary.releaseWrites();
    assertThat(client.message()).startsWith("HTTP/1.1 200 ");
  }

  @Test
  void aStoppingPrimaryRefusesInAWayThatLetsAnyRequestGoElsewhere() throws Exception {
    client.send(post("/", "warm")).message();
    primary.drain(Duration.ZERO);
    client.send(post("/", "x"));
    Thread.sleep(100);
    bed.nodeName = "three";
    FakeApi next = bed.closing(new FakeApi());
    next.proxy = bed.proxy(onPrimary.port(), new FakePrimaries());
    replicaSees.elsewhere(next.port());
    assertThat(client.message()).startsWith("HTTP/1.1 200 ");
    assertThat(onPrimary.requests).hasValue(2);
  }

  @ParameterizedTest
  @ValueSource(strings = {"PUT", "POST"})
  void whenThePrimaryDiesOnlyWhatDoesNoHarmIsSentAgain(String method) throws Exception {
    RawApplication dying = bed.application(null);
    api.proxy = bed.proxy(dying.port(), primarySees);
    client.send(post("/", "x").replace("POST", method));
    dying.next().message();
    FakeApi next = bed.closing(new FakeApi());
    next.proxy = primary;
    replicaSees.elsewhere(next.port());
    api.cut();
    String answer = client.message();
    if (method.equals("PUT")) {
      assertThat(answer).startsWith("HTTP/1.1 200 ");
    } else {
      assertThat(answer).startsWith("HTTP/1.1 502 ").contains("not known");
    }
    assertThat(client.isSilent(200)).as("the connection stays").isTrue();
    assertThat(client.send(get("/")).message()).startsWith("HTTP/1.1 200 ");
  }

  @Test
  void anAnswerOfAFormerPrimaryIsWaitedForButNotForEver() throws Exception {
    RawApplication frozen = bed.application(null);
    api.proxy = bed.proxy(frozen.port(), primarySees);
    client.send(post("/", "x").replace("POST", "PUT"));
    frozen.next().message();
    FakeApi next = bed.closing(new FakeApi());
    next.proxy = primary;
    replicaSees.elsewhere(next.port());
    assertThat(client.isSilent(300)).isTrue();
    assertThat(client.message()).startsWith("HTTP/1.1 200 ");
    assertThat(onPrimary.requests).hasValue(1);
  }
}
