package io.tidemark.lease.protocol.model;

/**
 * What may happen in a run of the model, and how often. Everything within these bounds is explored,
 * in every order. At the start node 0 is primary in epoch 1 with record version 1.
 */
final class Bounds implements Cloneable {
  private final String name;
  private int nodes = 3;
  private int members = 3;
  private int minInSync = 2;
  private int contents = 2;
  private int epochs = 3;
  private int versions = 4;
  private int messages = 1;
  private boolean ackMessages;
  private boolean slowStore;
  private int crashes;
  private int diskLosses;
  private int restores;
  private boolean setChanges;
  private boolean aborts;
  private int handoffs;
  private boolean storeBackup;
  private boolean oldVolumes;

  private Bounds(String name) {
    this.name = name;
  }

  static Bounds named(String name) {
    return new Bounds(name);
  }

  private interface Edit {
    void change(Bounds copy);
  }

  private Bounds with(Edit edit) {
    try {
      Bounds copy = (Bounds) clone();
      edit.change(copy);
      return copy;
    } catch (CloneNotSupportedException e) {
      throw new AssertionError(e);
    }
  }

  /** How many nodes there are, how many of them are members at the start, and min-in-sync. */
  Bounds nodes(int count, int startMembers, int least) {
    return with(
        b -> {
          b.nodes = count;
          b.members = startMembers;
          b.minInSync = least;
        });
  }

  /** Most transactions of programs, greatest epoch, greatest version of the record. */
  Bounds history(int contentCount, int epochCount, int versionCount) {
    return with(
        b -> {
          b.contents = contentCount;
          b.epochs = epochCount;
          b.versions = versionCount;
        });
  }

  /** Most messages on their way, and whether acknowledgements are among them. */
  Bounds network(int messageCount, boolean acksTravel) {
    return with(
        b -> {
          b.messages = messageCount;
          b.ackMessages = acksTravel;
        });
  }

  /** Requests to the store travel, too, and are carried out late, or never; answers get lost. */
  Bounds withSlowStore() {
    return with(b -> b.slowStore = true);
  }

  /** Crashes that lose what was not synced, or do not. */
  Bounds crashes(int count) {
    return with(b -> b.crashes = count);
  }

  Bounds diskLosses(int count) {
    return with(b -> b.diskLosses = count);
  }

  /** A disk that goes back to an earlier state, below the least position of the record. */
  Bounds restoredDisks(int count) {
    return with(b -> b.restores = count);
  }

  Bounds withSetChanges() {
    return with(b -> b.setChanges = true);
  }

  Bounds withAborts() {
    return with(b -> b.aborts = true);
  }

  Bounds handoffs(int count) {
    return with(b -> b.handoffs = count);
  }

  /** A disk that goes back, once, to any state from before the node's last admission. */
  Bounds withOldVolume() {
    return with(
        b -> {
          b.oldVolumes = true;
          b.restores = 1;
        });
  }

  /** The store is restored, once, from a backup that all members know to be old. */
  Bounds withRestoredStore() {
    return with(
        b -> {
          b.storeBackup = true;
          b.restores = 1;
        });
  }

  String name() {
    return name;
  }

  int nodes() {
    return nodes;
  }

  int members() {
    return members;
  }

  int minInSync() {
    return minInSync;
  }

  int contents() {
    return contents;
  }

  int epochs() {
    return epochs;
  }

  int versions() {
    return versions;
  }

  int messages() {
    return messages;
  }

  boolean ackMessages() {
    return ackMessages;
  }

  boolean slowStore() {
    return slowStore;
  }

  int crashes() {
    return crashes;
  }

  int diskLosses() {
    return diskLosses;
  }

  int restores() {
    return restores;
  }

  boolean setChanges() {
    return setChanges;
  }

  boolean aborts() {
    return aborts;
  }

  int handoffs() {
    return handoffs;
  }

  boolean oldVolumes() {
    return oldVolumes;
  }

  boolean storeBackup() {
    return storeBackup;
  }

  @Override
  public String toString() {
    return name;
  }
}
