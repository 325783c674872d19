"""From judged crops to digits: what the network cannot see in a crop, its row and its frame tell.

`judged` is a crop with what the network thinks of it. For each row, `explanation` chooses the crops that
explain its strokes best, `signs` takes out brackets and the like, and `rows` the words. `credible` looks at
all rows together, `drawings` at what is but drawn, and `evidence` weighs what is left against all else in
the frame. `digits` has them do so one after another, and `on_sheets` decides whether what lies on a sheet
counts instead.
"""
