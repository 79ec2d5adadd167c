package io.tidemark.stream.send;

import io.tidemark.database.Database;
import io.tidemark.stream.Hello;
import io.tidemark.stream.MemberStanding;
import io.tidemark.stream.Refusal;

/** Who is served by a primary, from when on, and what becomes of the acknowledgements. */
public interface StreamGate {
  /** Everybody of the cluster, at once. */
  StreamGate OPEN =
      new StreamGate() {
        @Override
        public Refusal refusal(Hello from) {
          return null;
        }

        @Override
        public boolean isClosed() {
          return false;
        }

        @Override
        public void changed() {
          // Nobody waits for it.
        }
      };

  /** Why that node is not served, or null. */
  Refusal refusal(Hello from);

  /** What that node is in the record, going by what it says of itself; for WELCOME. */
  default MemberStanding standing(Hello from) {
    return MemberStanding.NOT_A_MEMBER;
  }

  /** Whether a node that has said where its logs end waits for {@link StreamPeer#open}. */
  boolean isClosed();

  /**
   * The commit position to be told in sync mode; -1 for none yet. Within an epoch it never goes
   * back. When it has risen, {@link PrimaryStreams#committed} is to be called, unless a commit has
   * just been published. Called by threads of sessions, often; must not wait.
   */
  default long announced(Database database) {
    return database.commitTxid();
  }

  /**
   * A node was greeted, has said where its logs end, asks to be admitted, follows with a database
   * or does not any more, or has gone. Called by many threads; must not wait.
   */
  void changed();

  /**
   * A node has acknowledged something else than before, as the member that it is ({@link
   * StreamPeer#admission}). On the way of sync commits: called by an event loop for each such
   * acknowledgement; must not wait.
   *
   * @param durable as {@link StreamPeer#durable}
   */
  default void acknowledged(StreamPeer peer, String database, long durable) {}
}
