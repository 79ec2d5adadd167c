package io.tidemark.mount.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Threads that only sleep stand for the leader, the watchdog and clients. */
@Timeout(30)
class SharedCpuTest {
  private static final int FIRST = 16;

  private final CountDownLatch end = new CountDownLatch(1);
  private final Affinity all = Affinity.ofThisThread();
  private int leader;
  private int client;
  private String everywhere;
  private SharedCpu shared;

  @BeforeEach
  void threads() throws InterruptedException {
    FuseSupport.requireRoot();
    FuseSupport.needs(Runtime.getRuntime().availableProcessors() > 1, "only one CPU");
    leader = sleeper(() -> {});
    client = sleeper(() -> {});
    everywhere = ThreadState.of(leader).cpus();
    shared = new SharedCpu(true, all);
  }

  @AfterEach
  void endThreads() {
    end.countDown();
    shared.close();
  }

  /** Starts a thread and returns its number. */
  private int sleeper(Runnable before) throws InterruptedException {
    AtomicInteger tid = new AtomicInteger();
    CountDownLatch ready = new CountDownLatch(1);
    Thread thread =
        new Thread(
            () -> {
              before.run();
              tid.set(Native.C.gettid());
              ready.countDown();
              try {
                end.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    thread.setDaemon(true);
    thread.start();
    ready.await();
    return tid.get();
  }

  /** The kernel's thread ends a little after Java's. */
  private static void awaitGone(int tid) throws InterruptedException {
    while (ThreadState.of(tid) != null) {
      Thread.sleep(1);
    }
  }

  private void request(int times, int asker) {
    for (int i = 0; i < times; i++) {
      shared.requested(asker, leader);
    }
  }

  private void leaderIsFree() {
    assertThat(shared.isOn()).isFalse();
    assertThat(ThreadState.of(leader).idlePolicy()).isFalse();
    assertThat(ThreadState.of(leader).cpus()).isEqualTo(everywhere);
  }

  private void leaderIsBound() {
    assertThat(shared.isOn()).isTrue();
    assertThat(ThreadState.of(leader).idlePolicy()).isTrue();
    assertThat(ThreadState.of(leader).cpus()).matches("\\d+");
  }

  @Test
  void enoughRequestsInARowBindTheLeaderAndStopFreesIt() {
    request(FIRST - 1, client);
    leaderIsFree();
    request(1, client);
    leaderIsBound();
    request(5 * FIRST, client);
    leaderIsBound();
    shared.stop();
    leaderIsFree();
    request(FIRST, client);
    leaderIsBound();
  }

  @Test
  void anotherClientFreesTheLeader() throws InterruptedException {
    request(FIRST, client);
    request(1, sleeper(() -> {}));
    leaderIsFree();
  }

  @Test
  void eachRescueAsksForMoreRequestsAndAGoodRunForFewerAgain() {
    request(FIRST, client);
    shared.rescue();
    leaderIsFree();
    request(2 * FIRST - 1, client);
    leaderIsFree();
    request(1, client);
    leaderIsBound();
    request(1024, client);
    shared.stop();
    request(FIRST, client);
    leaderIsBound();
  }

  @Test
  void clientThatHasEndedBindsNobodyAndTheNextOneDoes() throws InterruptedException {
    AtomicInteger ended = new AtomicInteger();
    Thread thread = new Thread(() -> ended.set(Native.C.gettid()));
    thread.start();
    thread.join();
    awaitGone(ended.get());
    request(10 * FIRST, ended.get());
    leaderIsFree();
    request(FIRST, client);
    leaderIsBound();
  }

  @Test
  void clientThatEndsIsNotFollowedAnyMore() throws InterruptedException {
    int passing = sleeper(() -> {});
    request(FIRST, passing);
    leaderIsBound();
    end.countDown();
    awaitGone(passing);
    shared.stop();
    request(4 * FIRST, passing);
    assertThat(shared.isOn()).isFalse();
  }

  @Test
  void clientOnACpuThatIsNotAllowedBindsNobody() {
    shared = new SharedCpu(true, Affinity.of(List.of(Affinity.MOST_CPUS - 1)));
    request(10 * FIRST, client);
    leaderIsFree();
  }

  @Test
  void unwantedSharingNeverHappens() {
    shared = new SharedCpu(false, all);
    request(10 * FIRST, client);
    leaderIsFree();
  }

  @Test
  void watchdogStaysOffTheSharedCpuOnlyWhileItIsShared() throws InterruptedException {
    int watchdog = sleeper(shared::iAmTheWatchdog);
    request(FIRST, client);
    assertThat(ThreadState.of(watchdog).cpus())
        .isNotEqualTo(everywhere)
        .isNotEqualTo(ThreadState.of(leader).cpus());
    shared.stop();
    assertThat(ThreadState.of(watchdog).cpus()).isEqualTo(everywhere);
  }

  @Test
  void threadStartedByABoundOneIsMadeOrdinary() throws InterruptedException {
    AtomicInteger inherited = new AtomicInteger();
    AtomicInteger made = new AtomicInteger();
    sleeper(
        () -> {
          leader = Native.C.gettid();
          request(FIRST, client);
          try {
            inherited.set(sleeper(() -> {}));
            made.set(sleeper(shared::makeOrdinary));
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        });
    assertThat(ThreadState.of(inherited.get()).idlePolicy()).as("what it guards against").isTrue();
    assertThat(ThreadState.of(made.get()).idlePolicy()).isFalse();
    assertThat(ThreadState.of(made.get()).cpus()).isEqualTo(everywhere);
  }
}
