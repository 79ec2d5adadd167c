package io.tidemark.database;

/** How a record of the primary gets to the readers of a replica. */
enum ApplyWay {
  /** The database ends; handles keep what they have. */
  DROP,
  /** Nobody has it open, and who opens it waits. */
  UNOPENED,
  /** In rollback mode: under SQLite's EXCLUSIVE lock. */
  EXCLUSIVE,
  /** In WAL mode: as frames behind those that readers use. */
  FRAMES,
  /** Readers did not make way, or cannot follow: their handles fail. */
  NEW_INCARNATION;

  /**
   * What there is to decide from.
   *
   * @param drop the record ends the database
   * @param opened programs have the database open
   * @param walInUse programs have a WAL open, whatever the header of the database says: they hold
   *     SHARED for life and would never let EXCLUSIVE through
   * @param renumbers the record changes the page size, which no WAL can express
   * @param framesPossible the WAL and its index can take frames
   * @param overdue readers have held up the database for longer than they may
   */
  record Scene(
      boolean drop,
      boolean opened,
      boolean walInUse,
      boolean renumbers,
      boolean framesPossible,
      boolean overdue) {}

  static ApplyWay choose(Scene scene) {
    if (scene.drop) {
      return DROP;
    }
    if (!scene.opened) {
      return UNOPENED;
    }
    if (scene.overdue || (scene.walInUse && (scene.renumbers || !scene.framesPossible))) {
      return NEW_INCARNATION;
    }
    return scene.walInUse ? FRAMES : EXCLUSIVE;
  }
}
