package io.tidemark.lease;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tidemark.lease.LeaserTestBed.Loss;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What every {@link Leaser} keeps, whatever the store. */
@Timeout(60)
public abstract class LeaserConformance {
  private static final Duration CALL = Duration.ofSeconds(2);

  private LeaserTestBed bed;
  private Leaser first;
  private Leaser second;
  private final Owner one = new Owner("node-1", Owner.newNonce(), "http://one:20202");
  private final Owner two = new Owner("node-2", Owner.newNonce(), "http://two:20202");

  protected abstract LeaserTestBed newBed() throws Exception;

  @BeforeEach
  void open() throws Exception {
    bed = newBed();
    first = bed.newLeaser();
    second = bed.newLeaser();
  }

  @AfterEach
  void close() throws Exception {
    if (bed != null) {
      bed.close();
    }
  }

  @Test
  void aFreeStoreIsAcquiredAndShowsOwnerAndRecord() throws Exception {
    Stored before = first.read();
    assertThat(before.owner()).isEmpty();
    assertThat(before.record()).isEmpty();

    Acquisition.Acquired acquired = acquire(first, "record 1", one);

    Stored after = second.read();
    assertThat(after.owner()).contains(one);
    assertThat(after.record().orElseThrow().text()).isEqualTo("record 1");
    assertThat(after.revision()).contains(acquired.revision());
  }

  @Test
  void whileSomebodyOwnsItNobodyElseAcquires() throws Exception {
    acquire(first, "record 1", one);

    assertThat(second.acquire(second.read(), "record 2", two))
        .isEqualTo(new Acquisition.HeldBy(one));
    assertThat(second.read().record().orElseThrow().text()).isEqualTo("record 1");
  }

  @Test
  void anOwnerCannotAcquireAgain() throws Exception {
    acquire(first, "record 1", one);

    assertThat(first.acquire(first.read(), "record 2", one)).isEqualTo(new Acquisition.HeldBy(one));
  }

  @Test
  void acquiringOnARecordThatWasNotSeenIsRefused() throws Exception {
    Stored absent = second.read();
    Acquisition.Acquired acquired = acquire(first, "record 1", one);
    Stored old = second.read();
    Revision now = done(acquired.lease().change(acquired.revision(), "record 2"));
    done(acquired.lease().release(now, "record 3"));

    assertThat(second.acquire(absent, "wrong", two)).isInstanceOf(Acquisition.RecordChanged.class);
    assertThat(second.acquire(old, "wrong", two)).isInstanceOf(Acquisition.RecordChanged.class);
    assertThat(second.read().record().orElseThrow().text()).isEqualTo("record 3");
    assertThat(second.read().owner()).isEmpty();
  }

  @Test
  void ofManyWhoTryAtOnceExactlyOneWins() throws Exception {
    int many = 8;
    List<Leaser> leasers = new ArrayList<>();
    for (int i = 0; i < many; i++) {
      leasers.add(i < 2 ? (i == 0 ? first : second) : bed.newLeaser());
    }
    for (int round = 0; round < 3; round++) {
      Stored seen = first.read();
      List<Callable<Acquisition>> attempts = new ArrayList<>();
      for (int i = 0; i < many; i++) {
        Leaser leaser = leasers.get(i);
        Owner owner = new Owner("node-" + i, "nonce-" + i, "http://node-" + i);
        attempts.add(() -> leaser.acquire(seen, "of " + owner.nodeId(), owner));
      }
      List<Acquisition> results = atOnce(attempts);

      List<Acquisition> winners =
          results.stream().filter(Acquisition.Acquired.class::isInstance).toList();
      assertThat(winners).as("results %s", results).hasSize(1);
      Acquisition.Acquired winner = (Acquisition.Acquired) winners.get(0);
      Owner owner = winner.lease().owner();
      Stored stored = second.read();
      assertThat(stored.owner()).contains(owner);
      assertThat(stored.record().orElseThrow().text()).isEqualTo("of " + owner.nodeId());
      for (Acquisition other : results) {
        assertThat(other)
            .isInstanceOfAny(
                Acquisition.Acquired.class,
                Acquisition.HeldBy.class,
                Acquisition.RecordChanged.class,
                Acquisition.NotYet.class);
      }
      done(winner.lease().release(winner.revision(), "round " + round));
    }
  }

  @Test
  void anOwnershipThatIsNotRenewedEndsAndItsRecordStays() throws Exception {
    Acquisition.Acquired acquired = acquire(first, "record 1", one);

    bed.awaitExpiry(acquired.lease(), second);

    Stored after = second.read();
    assertThat(after.owner()).isEmpty();
    assertThat(after.record()).contains(new StoredRecord("record 1", acquired.revision()));
    acquire(second, "record 2", two);
    assertThat(first.read().owner()).contains(two);
  }

  @Test
  void theHoldersDeadlineComesBeforeAnybodyElseGetsIn() throws Exception {
    assumeTrue(bed.endsByTime(), "an ownership of this store has no end in time");
    Acquisition.Acquired acquired = acquire(first, "record 1", one);
    Renewal.Renewed granted = acquired.lease().granted();
    long deadline = LeaseTimes.of(granted.ttl()).deadline(granted.sentAt());

    bed.awaitExpiry(acquired.lease(), second);
    acquire(second, "record 2", two);

    assertThat(bed.clock().nanos() - deadline).isPositive();
  }

  @Test
  void anOwnershipThatIsRenewedStays() throws Exception {
    Lease lease = acquire(first, "record 1", one).lease();

    for (int i = 0; i < 3; i++) {
      Renewal renewal = lease.renew(CALL);
      assertThat(renewal).isInstanceOf(Renewal.Renewed.class);
      assertThat(((Renewal.Renewed) renewal).ttl()).isEqualTo(lease.granted().ttl());
    }
    assertThat(second.acquire(second.read(), "no", two)).isEqualTo(new Acquisition.HeldBy(one));
  }

  @Test
  void afterItsEndAnOwnershipIsNotRenewed() throws Exception {
    Lease lease = acquire(first, "record 1", one).lease();
    bed.awaitExpiry(lease, second);

    assertThat(lease.renew(CALL)).isInstanceOf(Renewal.Lost.class);

    Lease next = acquire(second, "record 2", two).lease();
    assertThat(lease.renew(CALL)).isInstanceOf(Renewal.Lost.class);
    assertThat(next.renew(CALL)).isInstanceOf(Renewal.Renewed.class);
  }

  @Test
  void anEarlierOwnershipOfTheSameProcessIsNotTheLaterOne() throws Exception {
    Acquisition.Acquired earlier = acquire(first, "record 1", one);
    bed.awaitExpiry(earlier.lease(), first);
    Acquisition.Acquired later = acquire(first, "record 2", one);

    assertThat(earlier.lease().renew(CALL)).isInstanceOf(Renewal.Lost.class);
    assertThat(earlier.lease().change(later.revision(), "wrong")).isInstanceOf(Change.Lost.class);
    assertThat(earlier.lease().release(later.revision(), "wrong")).isInstanceOf(Change.Lost.class);
    assertThat(later.lease().renew(CALL)).isInstanceOf(Renewal.Renewed.class);
    assertThat(first.read().record().orElseThrow().text()).isEqualTo("record 2");
  }

  @Test
  void anOwnershipThatWasEndedByHandIsNotTheNextOneOfTheSameProcess() throws Exception {
    Acquisition.Acquired earlier = acquire(first, "record 1", one);
    bed.deleteOwnership();
    Acquisition.Acquired later = acquire(first, "record 2", one);

    assertThat(earlier.lease().renew(CALL)).isInstanceOf(Renewal.Lost.class);
    assertThat(earlier.lease().change(later.revision(), "wrong")).isInstanceOf(Change.Lost.class);
    assertThat(later.lease().renew(CALL)).isInstanceOf(Renewal.Renewed.class);
    assertThat(first.read().record().orElseThrow().text()).isEqualTo("record 2");
  }

  @Test
  void theOwnerChangesTheRecord() throws Exception {
    Acquisition.Acquired acquired = acquire(first, "record 1", one);

    Revision second2 = done(acquired.lease().change(acquired.revision(), "record 2"));
    Revision third = done(acquired.lease().change(second2, "record 3"));

    assertThat(third).isNotEqualTo(second2);
    assertThat(second.read().record()).contains(new StoredRecord("record 3", third));
    assertThat(second.read().owner()).contains(one);
    assertThat(acquired.lease().renew(CALL)).isInstanceOf(Renewal.Renewed.class);
    assertThat(second.read().revision()).contains(third);
  }

  @Test
  void aChangeOfAnotherRevisionThanTheStoredOneIsRefused() throws Exception {
    Acquisition.Acquired acquired = acquire(first, "record 1", one);
    done(acquired.lease().change(acquired.revision(), "record 2"));

    assertThat(acquired.lease().change(acquired.revision(), "wrong"))
        .isInstanceOf(Change.RecordChanged.class);
    assertThat(second.read().record().orElseThrow().text()).isEqualTo("record 2");
  }

  @Test
  void afterTheEndOfTheOwnershipAChangeIsRefused() throws Exception {
    Acquisition.Acquired acquired = acquire(first, "record 1", one);
    bed.awaitExpiry(acquired.lease(), second);

    assertThat(acquired.lease().change(acquired.revision(), "wrong"))
        .isInstanceOf(Change.Lost.class);

    acquire(second, "record 2", two);
    assertThat(acquired.lease().change(acquired.revision(), "wrong"))
        .isInstanceOf(Change.Lost.class);
    assertThat(acquired.lease().change(second.read().revision().orElseThrow(), "wrong"))
        .isInstanceOf(Change.Lost.class);
    assertThat(second.read().record().orElseThrow().text()).isEqualTo("record 2");
  }

  @Test
  void ofAChangeAndATakeOverFromTheSameRevisionOnlyOneHappens() throws Exception {
    for (int round = 0; round < 5; round++) {
      Acquisition.Acquired acquired = acquire(first, "round " + round, one);
      Stored seen = second.read();
      List<Object> results =
          atOnce(
              List.of(
                  () -> acquired.lease().change(acquired.revision(), "changed"),
                  () -> {
                    bed.deleteOwnership();
                    return "deleted";
                  },
                  () -> acquireUntilDecided(seen)));
      boolean changed = results.get(0) instanceof Change.Done;
      boolean taken = results.get(2) instanceof Acquisition.Acquired;
      assertThat(changed && taken).as("results %s", results).isFalse();
      assertThat(changed || taken).as("results %s", results).isTrue();
      Stored after = first.read();
      assertThat(after.record().orElseThrow().text()).isEqualTo(taken ? "taken" : "changed");
      if (results.get(2) instanceof Acquisition.Acquired winner) {
        done(winner.lease().release(winner.revision(), "end"));
      }
    }
  }

  private Acquisition acquireUntilDecided(Stored seen) throws Exception {
    Acquisition result;
    do {
      result = second.acquire(seen, "taken", two);
    } while (result instanceof Acquisition.HeldBy || result instanceof Acquisition.NotYet);
    return result;
  }

  @Test
  void aReleaseLetsTheNextInAtOnceAndShowsItTheLastRecord() throws Exception {
    Acquisition.Acquired acquired = acquire(first, "record 1", one);

    Revision last = done(acquired.lease().release(acquired.revision(), "last"));

    Stored after = second.read();
    assertThat(after.owner()).isEmpty();
    assertThat(after.record()).contains(new StoredRecord("last", last));
    assertThat(second.acquire(after, "next", two)).isInstanceOf(Acquisition.Acquired.class);
    assertThat(acquired.lease().renew(CALL)).isInstanceOf(Renewal.Lost.class);
  }

  @Test
  void aReleaseOfAnotherRevisionLeavesTheOwnership() throws Exception {
    Acquisition.Acquired acquired = acquire(first, "record 1", one);
    done(acquired.lease().change(acquired.revision(), "record 2"));

    assertThat(acquired.lease().release(acquired.revision(), "wrong"))
        .isInstanceOf(Change.RecordChanged.class);
    assertThat(acquired.lease().renew(CALL)).isInstanceOf(Renewal.Renewed.class);
    assertThat(second.read().owner()).contains(one);
  }

  @Test
  void anAcquisitionWhoseAnswerIsLostIsFoundByItsNonce() throws Exception {
    Stored seen = first.read();
    bed.lose(Loss.ANSWER);
    Acquisition result = first.acquire(seen, "record 1", one);
    assertThat(result).isInstanceOf(Acquisition.Unknown.class);
    bed.lose(Loss.NOTHING);

    assertThat(second.read().owner().orElseThrow().isSameProcess(one)).isTrue();
    Acquisition settled = ((Acquisition.Unknown) result).settlement().settle();
    assertThat(settled).isInstanceOf(Acquisition.Acquired.class);
    Acquisition.Acquired acquired = (Acquisition.Acquired) settled;
    assertThat(acquired.lease().renew(CALL)).isInstanceOf(Renewal.Renewed.class);
    done(acquired.lease().change(acquired.revision(), "record 2"));
  }

  @Test
  void anAcquisitionWhoseRequestIsLostIsSettledAsNotDone() throws Exception {
    Stored seen = first.read();
    bed.lose(Loss.REQUEST);
    Acquisition result = first.acquire(seen, "record 1", one);
    assertThat(result).isInstanceOf(Acquisition.Unknown.class);
    bed.lose(Loss.NOTHING);

    assertThat(((Acquisition.Unknown) result).settlement().settle())
        .isInstanceOf(Acquisition.NotYet.class);
    assertThat(second.read().owner()).isEmpty();
    acquire(second, "record 2", two);
  }

  @Test
  void anAcquisitionWhoseAnswerAndOwnershipAreLostIsSettledAsHeldByTheOther() throws Exception {
    Stored seen = first.read();
    bed.lose(Loss.REQUEST);
    Acquisition result = first.acquire(seen, "record 1", one);
    bed.lose(Loss.NOTHING);
    acquire(second, "record 2", two);

    assertThat(((Acquisition.Unknown) result).settlement().settle())
        .isEqualTo(new Acquisition.HeldBy(two));
  }

  @Test
  void anAcquisitionThatWasSettledAsNotDoneDoesNotHappenLater() throws Exception {
    assumeTrue(bed.requestsTravel(), "requests of this store do not travel");
    for (String before : new String[] {"", "record 0"}) {
      if (!before.isEmpty()) {
        Acquisition.Acquired earlier = acquire(second, before, two);
        done(earlier.lease().release(earlier.revision(), before));
      }
      Stored seen = first.read();
      bed.lose(Loss.LATE);
      Acquisition result = first.acquire(seen, "late", one);
      bed.lose(Loss.NOTHING);
      assertThat(((Acquisition.Unknown) result).settlement().settle())
          .isInstanceOf(Acquisition.NotYet.class);

      bed.deliverLate();

      assertThat(second.read().owner()).isEmpty();
      assertThat(second.read().record().map(StoredRecord::text).orElse("")).isEqualTo(before);
    }
  }

  @Test
  void ofAChangeThatComesLateAndItsRepetitionOnlyOneHappens() throws Exception {
    assumeTrue(bed.requestsTravel(), "requests of this store do not travel");
    Acquisition.Acquired acquired = acquire(first, "record 1", one);
    bed.lose(Loss.LATE);
    assertThat(acquired.lease().change(acquired.revision(), "late"))
        .isInstanceOf(Change.Unknown.class);
    bed.lose(Loss.NOTHING);
    done(acquired.lease().change(acquired.revision(), "repeated"));

    bed.deliverLate();

    assertThat(second.read().record().orElseThrow().text()).isEqualTo("repeated");
  }

  @Test
  void aChangeWhoseAnswerIsLostIsUnknownAndARereadTells() throws Exception {
    Acquisition.Acquired acquired = acquire(first, "record 1", one);
    bed.lose(Loss.ANSWER);
    assertThat(acquired.lease().change(acquired.revision(), "record 2"))
        .isInstanceOf(Change.Unknown.class);
    bed.lose(Loss.NOTHING);

    Stored after = first.read();
    assertThat(after.record().orElseThrow().text()).isEqualTo("record 2");
    assertThat(acquired.lease().change(acquired.revision(), "record 2 again"))
        .isInstanceOf(Change.RecordChanged.class);
    done(acquired.lease().change(after.revision().orElseThrow(), "record 3"));
  }

  @Test
  void aChangeWhoseRequestIsLostIsUnknownAndCanBeMadeAgain() throws Exception {
    Acquisition.Acquired acquired = acquire(first, "record 1", one);
    bed.lose(Loss.REQUEST);
    assertThat(acquired.lease().change(acquired.revision(), "record 2"))
        .isInstanceOf(Change.Unknown.class);
    bed.lose(Loss.NOTHING);

    assertThat(first.read().revision()).contains(acquired.revision());
    done(acquired.lease().change(acquired.revision(), "record 2"));
  }

  @Test
  void aReleaseWhoseAnswerIsLostIsUnknownAndARereadTells() throws Exception {
    Acquisition.Acquired acquired = acquire(first, "record 1", one);
    bed.lose(Loss.ANSWER);
    assertThat(acquired.lease().release(acquired.revision(), "last"))
        .isInstanceOf(Change.Unknown.class);
    bed.lose(Loss.NOTHING);

    assertThat(first.read().owner()).isEmpty();
    assertThat(first.read().record().orElseThrow().text()).isEqualTo("last");
    acquire(second, "next", two);
  }

  @Test
  void aWatchHintsAtEachKindOfChange() throws Exception {
    assumeTrue(bed.givesHints(), "this store gives no hints");
    Semaphore hints = new Semaphore(0);
    LeaseWatch watch = second.watch(hints::release);
    try {
      Acquisition.Acquired acquired = acquire(first, "record 1", one);
      awaitHint(hints, () -> second.read().owner().isPresent());
      Revision changed = done(acquired.lease().change(acquired.revision(), "record 2"));
      awaitHint(hints, () -> second.read().revision().equals(Optional.of(changed)));
      done(acquired.lease().release(changed, "last"));
      awaitHint(hints, () -> second.read().owner().isEmpty());
    } finally {
      watch.close();
    }
  }

  /** Reads only after hints, so a missing hint fails. */
  private static void awaitHint(Semaphore hints, Callable<Boolean> seen) throws Exception {
    do {
      assertThat(hints.tryAcquire(10, TimeUnit.SECONDS)).as("a hint").isTrue();
      hints.drainPermits();
    } while (!seen.call());
  }

  @Test
  void aStoreThatIsAwayGivesClearErrorsAndIsFoundAgain() throws Exception {
    Acquisition.Acquired acquired = acquire(first, "record 1", one);
    Stored seen = first.read();
    bed.takeAway();

    for (Leaser leaser : List.of(first, second)) {
      assertThatThrownBy(leaser::read)
          .isInstanceOfSatisfying(
              LeaseStoreException.class,
              e -> {
                assertThat(e.kind()).isEqualTo(LeaseStoreException.Kind.UNREACHABLE);
                assertThat(e.isUnknown()).isFalse();
                assertThat(e.hint()).isNotEmpty();
              });
    }
    assertThatThrownBy(() -> acquired.lease().renew(CALL)).isInstanceOf(LeaseStoreException.class);
    try {
      assertThat(acquired.lease().change(acquired.revision(), "record 2"))
          .isInstanceOf(Change.Unknown.class);
    } catch (LeaseStoreException e) {
      assertThat(e.isUnknown()).isFalse();
    }
    try {
      assertThat(second.acquire(seen, "wrong", two)).isInstanceOf(Acquisition.Unknown.class);
    } catch (LeaseStoreException e) {
      assertThat(e.isUnknown()).isFalse();
    }

    bed.bringBack();
    Stored after = eventually(first::read);
    assertThat(after.record().orElseThrow().text()).isIn("record 1", "record 2");
    assertThat(after.owner())
        .satisfiesAnyOf(o -> assertThat(o).isEmpty(), o -> assertThat(o).contains(one));
  }

  @Test
  void aRecordThatWasDeletedByHandIsVisibleAsGone() throws Exception {
    Acquisition.Acquired acquired = acquire(first, "record 1", one);
    Stored before = second.read();
    bed.deleteRecord();

    Stored after = second.read();
    assertThat(after.record()).isEmpty();
    assertThat(after.regressionSince(before)).isPresent();
    Change change = acquired.lease().change(acquired.revision(), "record 2");
    assertThat(change)
        .isInstanceOfAny(bed.recordIsApart() ? Change.RecordChanged.class : Change.Lost.class);
    assertThat(second.acquire(before, "wrong", two)).isNotInstanceOf(Acquisition.Acquired.class);
    assertThat(second.read().record()).isEmpty();
  }

  @Test
  void aRecordThatWasMadeAnewIsVisibleAsAnother() throws Exception {
    Acquisition.Acquired acquired = acquire(first, "record 1", one);
    Stored before = second.read();
    bed.deleteOwnership();
    bed.deleteRecord();

    acquire(second, "new history", two);

    assertThat(first.read().regressionSince(before)).isPresent();
    assertThat(acquired.lease().renew(CALL)).isInstanceOf(Renewal.Lost.class);
  }

  @Test
  void anOwnershipThatWasDeletedByHandIsLost() throws Exception {
    Acquisition.Acquired acquired = acquire(first, "record 1", one);
    bed.deleteOwnership();

    assertThat(acquired.lease().renew(CALL)).isInstanceOf(Renewal.Lost.class);
    assertThat(acquired.lease().change(acquired.revision(), "wrong"))
        .isInstanceOf(Change.Lost.class);
    assertThat(second.read().owner()).isEmpty();
    assertThat(second.read().record().orElseThrow().text()).isEqualTo("record 1");
  }

  @Test
  void theLongestRecordComesBackAsItWas() throws Exception {
    String longest =
        "{\"ä\":\"\\\"\u2028\uD83D\uDE00\n\"}" + "x".repeat(Leaser.MAX_RECORD_BYTES - 19);
    assertThat(RecordText.checked(longest)).hasSizeGreaterThan(Leaser.MAX_RECORD_BYTES - 10);

    Acquisition.Acquired acquired = acquire(first, longest, one);
    assertThat(second.read().record().orElseThrow().text()).isEqualTo(longest);
    Revision now = done(acquired.lease().change(acquired.revision(), ""));
    assertThat(second.read().record()).contains(new StoredRecord("", now));

    String tooLong = "x".repeat(Leaser.MAX_RECORD_BYTES + 1);
    assertThatThrownBy(() -> acquired.lease().change(now, tooLong))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static Acquisition.Acquired acquire(Leaser leaser, String record, Owner owner)
      throws Exception {
    Acquisition result = leaser.acquire(leaser.read(), record, owner);
    for (int i = 0; result instanceof Acquisition.NotYet && i < 100; i++) {
      Thread.sleep(20);
      result = leaser.acquire(leaser.read(), record, owner);
    }
    assertThat(result).isInstanceOf(Acquisition.Acquired.class);
    return (Acquisition.Acquired) result;
  }

  private static Revision done(Change change) {
    assertThat(change).isInstanceOf(Change.Done.class);
    return ((Change.Done) change).revision();
  }

  private static <T> T eventually(Callable<T> call) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(15);
    while (true) {
      try {
        return call.call();
      } catch (LeaseStoreException e) {
        if (System.nanoTime() - end > 0) {
          throw e;
        }
        Thread.sleep(50);
      }
    }
  }

  private static <T> List<T> atOnce(List<Callable<T>> calls) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(calls.size());
    try {
      CountDownLatch go = new CountDownLatch(1);
      List<Future<T>> futures = new ArrayList<>();
      for (Callable<T> call : calls) {
        futures.add(
            pool.submit(
                () -> {
                  go.await();
                  return call.call();
                }));
      }
      go.countDown();
      List<T> results = new ArrayList<>();
      for (Future<T> future : futures) {
        results.add(future.get(50, TimeUnit.SECONDS));
      }
      return results;
    } finally {
      pool.shutdownNow();
    }
  }
}
