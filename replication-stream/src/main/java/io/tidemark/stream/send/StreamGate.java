package io.tidemark.stream.send;

import io.tidemark.stream.Hello;
import io.tidemark.stream.Refusal;

/** Who is served by a primary, and from when on. */
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

  /** Whether a node that has said where its logs end waits for {@link StreamPeer#open}. */
  boolean isClosed();

  /** A node has come so far, or has gone. Called by many threads; must not wait. */
  void changed();
}
