package io.tidemark.node.run;

import io.tidemark.database.StoreOptions;
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

  /** The options of the store for this role. */
  static StoreOptions storeOptions(NodeConfig config) {
    return new StoreOptions(
        config.data().dir(),
        config.data().compress(),
        config.data().retention(),
        config.data().retentionSize(),
        isPrimary(config.lease()));
  }
}
