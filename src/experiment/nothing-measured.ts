// Thrown by every experiment that is interrupted too early.

/** The user ended the experiment before there was anything to tell. */
export class NothingMeasured extends Error {
  override readonly name = "NothingMeasured";
}
