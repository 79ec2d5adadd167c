package io.tidemark.lease.protocol.model;

/**
 * What may happen in a run of the model, and how often. Everything within these bounds is explored,
 * in every order.
 */
record Bounds(
    String name,
    int nodes,
    int members,
    int minInSync,
    int contents,
    int epochs,
    int versions,
    int messages,
    boolean ackMessages,
    boolean slowStore,
    int crashes,
    int diskLosses,
    int restores,
    boolean setChanges,
    boolean aborts,
    int handoffs,
    boolean storeBackup) {

  static Bounds named(String name) {
    return new Bounds(name, 3, 3, 2, 2, 3, 8, 1, false, false, 0, 0, 0, false, false, 0, false);
  }

  Bounds nodes(int value, int startMembers, int least) {
    return new Bounds(
        name,
        value,
        startMembers,
        least,
        contents,
        epochs,
        versions,
        messages,
        ackMessages,
        slowStore,
        crashes,
        diskLosses,
        restores,
        setChanges,
        aborts,
        handoffs,
        storeBackup);
  }

  Bounds history(int contentCount, int epochCount, int versionCount) {
    return new Bounds(
        name,
        nodes,
        members,
        minInSync,
        contentCount,
        epochCount,
        versionCount,
        messages,
        ackMessages,
        slowStore,
        crashes,
        diskLosses,
        restores,
        setChanges,
        aborts,
        handoffs,
        storeBackup);
  }

  Bounds network(int messageCount, boolean acksTravel) {
    return new Bounds(
        name,
        nodes,
        members,
        minInSync,
        contents,
        epochs,
        versions,
        messageCount,
        acksTravel,
        slowStore,
        crashes,
        diskLosses,
        restores,
        setChanges,
        aborts,
        handoffs,
        storeBackup);
  }

  Bounds withSlowStore() {
    return new Bounds(
        name,
        nodes,
        members,
        minInSync,
        contents,
        epochs,
        versions,
        messages,
        ackMessages,
        true,
        crashes,
        diskLosses,
        restores,
        setChanges,
        aborts,
        handoffs,
        storeBackup);
  }

  Bounds faults(int crashCount, int diskLossCount, int restoreCount) {
    return new Bounds(
        name,
        nodes,
        members,
        minInSync,
        contents,
        epochs,
        versions,
        messages,
        ackMessages,
        slowStore,
        crashCount,
        diskLossCount,
        restoreCount,
        setChanges,
        aborts,
        handoffs,
        storeBackup);
  }

  Bounds withSetChanges() {
    return new Bounds(
        name,
        nodes,
        members,
        minInSync,
        contents,
        epochs,
        versions,
        messages,
        ackMessages,
        slowStore,
        crashes,
        diskLosses,
        restores,
        true,
        aborts,
        handoffs,
        storeBackup);
  }

  Bounds withAborts() {
    return new Bounds(
        name,
        nodes,
        members,
        minInSync,
        contents,
        epochs,
        versions,
        messages,
        ackMessages,
        slowStore,
        crashes,
        diskLosses,
        restores,
        setChanges,
        true,
        handoffs,
        storeBackup);
  }

  Bounds withHandoffs(int count) {
    return new Bounds(
        name,
        nodes,
        members,
        minInSync,
        contents,
        epochs,
        versions,
        messages,
        ackMessages,
        slowStore,
        crashes,
        diskLosses,
        restores,
        setChanges,
        aborts,
        count,
        storeBackup);
  }

  Bounds withStoreBackup() {
    return new Bounds(
        name,
        nodes,
        members,
        minInSync,
        contents,
        epochs,
        versions,
        messages,
        ackMessages,
        slowStore,
        crashes,
        diskLosses,
        restores,
        setChanges,
        aborts,
        handoffs,
        true);
  }
}
