package io.tidemark.node.run;

import io.tidemark.database.RefusedException;
import io.tidemark.database.StoreOptions;
import io.tidemark.database.WriteAuthority;
import io.tidemark.node.config.NodeConfig;

/**
 * The role that {@code lease.type: static} gives: a candidate is the primary, any other node only
 * reads. The one place where the configuration decides who may write.
 */
final class StaticRole {
  private StaticRole() {}

  static boolean isPrimary(NodeConfig.Lease lease) {
    return lease.candidate();
  }

  /** A node that is no candidate refuses every transaction before it is captured. */
  static WriteAuthority authority(NodeConfig.Lease lease) {
    return isPrimary(lease)
        ? WriteAuthority.ALWAYS
        : () -> {
          throw new RefusedException(
              RefusedException.Kind.READ_ONLY,
              "this node only reads (lease.candidate is false); write on the primary");
        };
  }

  /** The options of the store for this role. */
  static StoreOptions storeOptions(NodeConfig config) {
    return new StoreOptions(
        config.data().dir(),
        config.data().compress(),
        config.data().retention(),
        config.data().retentionSize(),
        config.lease().type().equals("static") && isPrimary(config.lease()));
  }
}
