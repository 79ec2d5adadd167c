package io.tidemark.stream;

import io.tidemark.database.CommitGate;
import io.tidemark.database.Database;
import io.tidemark.stream.send.PrimaryStreams;
import io.tidemark.stream.send.StreamGate;
import io.tidemark.stream.send.StreamPeer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Decides about commits as a cluster would: a transaction is committed when it is on the disk of
 * the primary and of so many connected nodes.
 */
final class TestGate implements CommitGate, StreamGate {
  final List<String> heard = new CopyOnWriteArrayList<>();
  volatile PrimaryStreams streams;

  /** How many nodes have to have a transaction besides the primary. */
  volatile int needed = 1;

  volatile boolean sync = true;
  volatile boolean closed;
  volatile boolean settled = true;
  volatile Duration patience = Duration.ofSeconds(30);
  volatile MemberStanding standing = MemberStanding.MEMBER;

  @Override
  public boolean waits() {
    return sync;
  }

  @Override
  public Duration ackTimeout() {
    return patience;
  }

  @Override
  public void offered(Database database, long epoch, long txid) {
    streams.offered(database);
  }

  @Override
  public void durable(Database database, long epoch, long txid) {
    evaluate(database);
  }

  void evaluate(Database database) {
    long own = database.appendedDurable();
    List<Long> theirs =
        streams.peers().stream()
            .map(peer -> Math.min(own, peer.durable(database.name())))
            .sorted((a, b) -> Long.compare(b, a))
            .toList();
    if (needed == 0) {
      database.committedUpTo(epoch(), own);
    } else if (theirs.size() >= needed && theirs.get(needed - 1) > 0) {
      database.committedUpTo(epoch(), theirs.get(needed - 1));
    }
  }

  volatile TestPrimary primary;

  private long epoch() {
    return primary.store.epoch();
  }

  @Override
  public Refusal refusal(Hello from) {
    return null;
  }

  @Override
  public MemberStanding standing(Hello from) {
    return standing;
  }

  @Override
  public boolean isClosed() {
    return closed;
  }

  @Override
  public long announced(Database database) {
    return settled ? database.commitTxid() : -1;
  }

  @Override
  public void changed() {}

  @Override
  public void acknowledged(StreamPeer peer, String database, long durable) {
    heard.add(peer.admission() + " " + database + " " + durable);
    evaluate(primary.store.get(database));
  }
}
