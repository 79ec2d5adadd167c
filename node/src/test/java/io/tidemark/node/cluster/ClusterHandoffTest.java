package io.tidemark.node.cluster;

import static io.tidemark.node.cluster.Cluster3.DB;
import static io.tidemark.node.cluster.Cluster3.THREE;
import static io.tidemark.node.cluster.Cluster3.TWO;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.CommitMode;
import io.tidemark.lease.protocol.Role;
import io.tidemark.node.cluster.FakeLeaseStore.Fate;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Planned changes of the primary, ends of a node, and primaries that an operator forces. */
@Timeout(120)
class ClusterHandoffTest {
  private static final Duration LONG = Duration.ofHours(1);

  @TempDir Path dir;
  private ClusterBed bed;
  private FakePeer two;
  private ClusterDriver driver;

  @BeforeEach
  void open() throws Exception {
    bed = new ClusterBed(dir);
  }

  @AfterEach
  void close() {
    bed.close();
  }

  /** This node is primary, and node 2 a member that has everything. */
  private void primary() throws Exception {
    bed.established(TWO);
    two = bed.member(TWO);
    driver = bed.startPrimary();
  }

  private static void assertFails(CompletableFuture<String> asked, String why) {
    assertThatThrownBy(() -> asked.get(20, TimeUnit.SECONDS)).hasMessageContaining(why);
  }

  private void assertWritersGoOn() {
    bed.awaitWriters();
    assertThat(bed.role()).isEqualTo(Role.PRIMARY);
    assertThat(bed.store.owner().nodeId()).isEqualTo("0000000000000001");
    bed.write(bed.data.ends().get(DB).txid() + 1);
  }

  // --------------------------------------------------------------------- handoff

  @Test
  void theLeaseIsHandedOverWhenTheSuccessorHasEverything() throws Exception {
    bed.slowTime = LONG;
    primary();
    two.stall();
    bed.write(11);
    AtomicReference<String> atRelease = new AtomicReference<>();
    bed.store.beforeChange =
        record -> {
          if (record.successor().isPresent()) {
            atRelease.set("held " + bed.data.isHolding() + ", has " + two.durable(DB));
          }
        };
    CompletableFuture<String> asked = driver.handOff(0);
    bed.awaitRole(Role.HOLDING);
    assertThat(driver.mayCommit()).isFalse();
    assertThat(driver.isChanging()).isTrue();
    Thread.sleep(100);
    assertThat(atRelease).hasNullValue();
    two.acknowledges(DB, 11);
    driver.acknowledged(DB);

    assertThat(asked.get(20, TimeUnit.SECONDS)).isEqualTo("http://node2");
    assertThat(atRelease).hasValue("held true, has 11");
    ClusterRecord record = bed.store.record();
    assertThat(record.successor().orElseThrow().nodeId()).isEqualTo(2);
    assertThat(record.successor().orElseThrow().incarnation()).isEqualTo(12);
    assertThat(two.tookOver()).isEqualTo(record);
    assertThat(two.isPrepared()).isTrue();
    assertThat(bed.store.owner()).isNull();
    assertThat(bed.data.isPrimary()).isFalse();
    bed.await("writers are let go", () -> !bed.data.isHolding());
    bed.assertOrder("hold", "let in", "hold", "replica", "withdraw for a handoff");
    assertThat(driver.mayCommit()).isFalse();
  }

  @Test
  void theNodeThatWasPrimaryLetsItsSuccessorGoFirst() throws Exception {
    bed.handoffTime = Duration.ofSeconds(3);
    primary();
    driver.handOff(0).get(20, TimeUnit.SECONDS);
    bed.never("it takes the lease back", () -> bed.store.owner() != null);
    bed.store.own(ClusterBed.OTHER);
    bed.await("it follows", () -> "http://two".equals(bed.streams.followed()));
  }

  @Test
  void whoIsNamedGetsTheLease() throws Exception {
    bed.established(TWO, THREE);
    bed.member(TWO);
    bed.member(THREE);
    driver = bed.startPrimary();
    assertThat(driver.handOff(3).get(20, TimeUnit.SECONDS)).isEqualTo("http://node3");
    assertThat(bed.store.record().successor().orElseThrow().nodeId()).isEqualTo(3);
  }

  @Test
  void whenAProgramKeepsWritingTheHandoffFailsAndItGoesOn() throws Exception {
    primary();
    bed.data.writing(true);
    assertFails(driver.handOff(0), "a program kept writing");
    bed.data.writing(false);
    assertWritersGoOn();
  }

  @Test
  void whenTheSuccessorDoesNotCatchUpInTimeWritersGoOn() throws Exception {
    bed.slowTime = LONG;
    primary();
    two.stall();
    bed.write(11);
    assertFails(driver.handOff(0), "not caught up in time");
    assertThat(bed.events).noneMatch(event -> event.startsWith("replica"));
    two.acknowledges(DB, 11);
    driver.acknowledged(DB);
    bed.await("11 is committed", () -> bed.data.committed(DB) == 11);
    assertWritersGoOn();
  }

  @Test
  void whenTheSuccessorGoesAwayWritersGoOn() throws Exception {
    bed.handoffTime = LONG.dividedBy(60);
    bed.slowTime = LONG;
    primary();
    two.stall();
    bed.write(11);
    CompletableFuture<String> asked = driver.handOff(0);
    bed.awaitRole(Role.HOLDING);
    bed.streams.goes(two);
    assertFails(asked, "not connected");
    assertWritersGoOn();
    assertThat(bed.store.record().members()).containsExactly(bed.one);
  }

  @Test
  void withoutAMemberNobodyGetsTheLease() throws Exception {
    bed.established();
    driver = bed.startPrimary();
    assertFails(driver.handOff(0), "can take over");
    assertWritersGoOn();
  }

  @Test
  void onlyAPrimaryHandsOver() throws Exception {
    bed.established(TWO);
    bed.store.own(ClusterBed.OTHER);
    driver = bed.start();
    assertFails(driver.handOff(0), "not primary");
  }

  @Test
  void oneHandoffAtATime() throws Exception {
    primary();
    bed.data.writing(true);
    CompletableFuture<String> first = driver.handOff(0);
    assertFails(driver.handOff(0), "going on already");
    bed.data.writing(false);
    assertThat(first.get(20, TimeUnit.SECONDS)).isEqualTo("http://node2");
  }

  @Test
  void aPrimaryThatCannotServeADatabaseHandsOverByItself() throws Exception {
    primary();
    bed.data.fault("'app.db' cannot be served");
    driver.wake();
    bed.await("it has handed over", () -> two.tookOver() != null);
  }

  // ------------------------------------------------------ a lost answer to it

  @Test
  void aReleaseThatNeverArrivedIsGivenUp() throws Exception {
    primary();
    bed.store.next(Fate.LATE);
    assertFails(driver.handOff(0), "did not take the release");
    bed.store.deliverLate();
    assertWritersGoOn();
    assertThat(bed.store.record().successor()).isEmpty();
  }

  @Test
  void aReleaseWhoseLostAnswerWasYesIsAHandoff() throws Exception {
    primary();
    bed.store.next(Fate.ANSWER_LOST);
    assertThat(driver.handOff(0).get(20, TimeUnit.SECONDS)).isEqualTo("http://node2");
    assertThat(bed.data.isPrimary()).isFalse();
    assertThat(driver.mayCommit()).isFalse();
  }

  @Test
  void asLongAsTheReleaseIsUncertainNothingIsWritten() throws Exception {
    primary();
    bed.store.next(Fate.LATE);
    bed.store.beforeChange = record -> bed.store.reachable(false);
    CompletableFuture<String> asked = driver.handOff(0);
    bed.never(
        "programs write",
        () -> bed.role() != Role.PRIMARY && (driver.mayCommit() || !bed.data.isHolding()));
    assertThat(bed.role()).isEqualTo(Role.HOLDING);
    assertThat(asked).isNotDone();

    bed.store.beforeChange = record -> {};
    bed.store.reachable(true);
    assertFails(asked, "did not take the release");
    bed.store.deliverLate();
    assertWritersGoOn();
  }

  @Test
  void aDeadlineThatPassesInAHandoffEndsIt() throws Exception {
    bed.handoffTime = LONG;
    bed.slowTime = LONG;
    primary();
    two.stall();
    bed.write(11);
    CompletableFuture<String> asked = driver.handOff(0);
    bed.awaitRole(Role.HOLDING);
    bed.store.reachable(false);
    bed.clock.advance(FakeLeaseStore.TTL);
    bed.awaitRole(Role.DEADLINE_PASSED);
    assertFails(asked, "not renewed in time");
    assertThat(bed.data.isPrimary()).isFalse();
    bed.await("writers are let go", () -> !bed.data.isHolding());
  }

  // ------------------------------------------------------------------ the end

  @Test
  void aPrimaryThatEndsHandsOverFirst() throws Exception {
    primary();
    driver.close();
    assertThat(bed.role()).isEqualTo(Role.STOPPED);
    assertThat(two.tookOver()).isNotNull();
    assertThat(bed.store.record().successor().orElseThrow().nodeId()).isEqualTo(2);
    assertThat(bed.store.owner()).isNull();
  }

  @Test
  void aPrimaryThatIsAloneGivesUpTheLeaseAsItEnds() throws Exception {
    bed.established();
    driver = bed.startPrimary();
    driver.close();
    assertThat(bed.role()).isEqualTo(Role.STOPPED);
    assertThat(bed.store.owner()).isNull();
    assertThat(bed.data.isPrimary()).isFalse();
  }

  @Test
  void aSuccessorThatIsStuckDoesNotKeepAPrimaryFromEnding() throws Exception {
    bed.mode = CommitMode.ASYNC;
    primary();
    two.stall();
    bed.data.append(DB, 6, 11).committed(DB, 11);
    long began = System.nanoTime();
    driver.close();
    assertThat(bed.role()).isEqualTo(Role.STOPPED);
    assertThat(bed.store.owner()).isNull();
    assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(5));
  }

  @Test
  void aProgramThatKeepsWritingDoesNotKeepAPrimaryFromEnding() throws Exception {
    primary();
    bed.data.writing(true);
    long began = System.nanoTime();
    driver.close();
    assertThat(bed.role()).isEqualTo(Role.STOPPED);
    assertThat(bed.store.owner()).isNull();
    assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(5));
  }

  @Test
  void aStoreThatDoesNotAnswerDoesNotKeepAPrimaryFromEnding() throws Exception {
    bed.established();
    driver = bed.startPrimary();
    bed.store.reachable(false);
    driver.close();
    assertThat(bed.role()).isEqualTo(Role.STOPPED);
    assertThat(bed.data.isPrimary()).isFalse();
  }

  @Test
  void aFollowerEndsAtOnce() throws Exception {
    bed.established(TWO);
    bed.store.own(ClusterBed.OTHER);
    driver = bed.start();
    bed.await("it follows", () -> bed.streams.followed() != null);
    driver.close();
    assertThat(bed.role()).isEqualTo(Role.STOPPED);
    assertThat(bed.streams.followed()).isNull();
    assertThat(bed.store.owner()).isEqualTo(ClusterBed.OTHER);
  }

  // -------------------------------------------------------------------- by force

  @Test
  void forceIsRefusedWhileSomebodyHasTheLease() throws Exception {
    bed.established(TWO);
    bed.store.own(ClusterBed.OTHER);
    driver = bed.start();
    String before = bed.store.text();
    assertFails(driver.force(), "has the lease");
    assertThat(bed.store.text()).isEqualTo(before);
    assertThat(bed.role()).isEqualTo(Role.FOLLOWING);
  }

  @Test
  void forceMakesARecordFarAboveWithThisNodeAlone() throws Exception {
    bed.established(TWO);
    bed.store.put(bed.of(8, 5, List.of(TWO, THREE), Map.of(), Optional.empty()));
    driver = bed.start();
    bed.never("it acquires by itself", () -> bed.store.owner() != null);
    assertThat(driver.force().get(20, TimeUnit.SECONDS)).isEqualTo(Cluster3.URL);
    ClusterRecord record = bed.store.record();
    assertThat(record.version()).isGreaterThan(1 << 20);
    assertThat(record.epoch()).isGreaterThan(1 << 20);
    assertThat(record.members()).hasSize(1);
    assertThat(record.members().get(0).nodeId()).isEqualTo(1);
    assertThat(record.members().get(0).token())
        .isEqualTo(bed.memory.token())
        .isNotEqualTo(bed.one.token());
    bed.awaitWriters();
  }

  @Test
  void forceHelpsANodeThatWaitsForTheOperator() throws Exception {
    bed.established(TWO);
    bed.memory.saw(500);
    driver = bed.start();
    bed.awaitRole(Role.WAITING_FOR_OPERATOR);
    driver.force().get(20, TimeUnit.SECONDS);
    assertThat(bed.store.record().version()).isGreaterThan(500 + (1 << 19));
    bed.awaitWriters();
  }

  @Test
  void forceOnANodeThatCannotServeADatabaseIsRefused() throws Exception {
    bed.established(TWO);
    bed.data.fault("'app.db' cannot be served");
    driver = bed.start();
    assertFails(driver.force(), "cannot be served");
    assertThat(bed.store.owner()).isNull();
  }

  @Test
  void aPrimaryThatIsForcedStaysPrimary() throws Exception {
    bed.established();
    driver = bed.startPrimary();
    ClusterRecord record = bed.store.record();
    assertThat(driver.force().get(5, TimeUnit.SECONDS)).isEqualTo(Cluster3.URL);
    assertThat(bed.store.record()).isEqualTo(record);
    assertThat(driver.mayCommit()).isTrue();
  }

  @Test
  void whatWasForcedOnAPrimaryIsOverWhenItHandsOver() throws Exception {
    primary();
    driver.force().get(5, TimeUnit.SECONDS);
    driver.handOff(0).get(20, TimeUnit.SECONDS);
    bed.never("it forces itself to be primary again", () -> bed.store.record().version() > 1000);
  }

  @Test
  void forceInTheMiddleOfAHandoffDoesNotTakeTheLeaseFromTheSuccessor() throws Exception {
    bed.slowTime = LONG;
    bed.handoffTime = Duration.ofSeconds(10);
    primary();
    two.stall();
    bed.write(11);
    CompletableFuture<String> asked = driver.handOff(0);
    bed.awaitRole(Role.HOLDING);
    CompletableFuture<String> forced = driver.force();
    two.acknowledges(DB, 11);
    driver.acknowledged(DB);
    asked.get(20, TimeUnit.SECONDS);
    assertFails(forced, "handed over");
    bed.never("it takes the lease", () -> bed.store.owner() != null);
  }
}
